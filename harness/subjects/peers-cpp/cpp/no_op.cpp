// A table that keeps nothing, behind the same functions: its rate, beside that of the Rust `no-op`, is what
// the way into C++ costs.
#include "peers.hpp"

namespace {

struct NoOp : peers::Plain {
    NoOp(std::size_t, peers::Hash) {}

    bool get(const peers::Probe&, std::uint64_t&) { return false; }
    bool insert(const peers::Probe&, std::uint64_t) { return false; }
    bool remove(const peers::Probe&, std::uint64_t&) { return false; }
    template <class F>
    bool update(const peers::Probe&, std::uint64_t&, F) { return false; }
    template <class F>
    bool upsert(const peers::Probe&, std::uint64_t, std::uint64_t&, F) { return false; }
    template <class F>
    void for_each(F) {}
    std::size_t size() { return 0; }
    std::size_t capacity() { return 0; }
};

}  // namespace

extern "C" const CppFunctions peers_no_op = peers::table_functions<NoOp>();
