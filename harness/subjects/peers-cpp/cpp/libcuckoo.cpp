// libcuckoo's `cuckoohash_map`, with its default of four slots a bucket.
#include <utility>

#include <libcuckoo/cuckoohash_map.hh>

#include "peers.hpp"

namespace {

struct Equal {
    template <class A, class B>
    bool operator()(const A& a, const B& b) const { return std::uint64_t(a) == std::uint64_t(b); }
};

class Cuckoo : public peers::Plain {
    using Entry = std::pair<const std::uint64_t, std::uint64_t>;
    libcuckoo::cuckoohash_map<std::uint64_t, std::uint64_t, peers::Hash, Equal, peers::Allocator<Entry>> map_;

public:
    Cuckoo(std::size_t capacity, peers::Hash hash) : map_(capacity, hash) {}

    bool get(const peers::Probe& probe, std::uint64_t& value) { return map_.find(probe, value); }

    bool insert(const peers::Probe& probe, std::uint64_t value) { return map_.insert(probe, value); }

    bool remove(const peers::Probe& probe, std::uint64_t& old) {
        return map_.erase_fn(probe, [&](std::uint64_t& value) {
            old = value;
            return true;
        });
    }

    template <class F>
    bool update(const peers::Probe& probe, std::uint64_t& old, F f) {
        return map_.update_fn(probe, [&](std::uint64_t& value) {
            old = value;
            std::uint64_t replacement;
            if (f(old, &replacement)) value = replacement;
        });
    }

    // Whether the key was there.
    template <class F>
    bool upsert(const peers::Probe& probe, std::uint64_t absent, std::uint64_t& old, F f) {
        return !map_.upsert(
            probe,
            [&](std::uint64_t& value) {
                old = value;
                value = f(old);
            },
            absent);
    }

    // Under all locks.
    template <class F>
    void for_each(F f) {
        auto locked = map_.lock_table();
        for (const auto& entry : locked) f(entry.first, entry.second);
    }

    // The library's own `size` adds up counters, and follows a list that a growth lengthens, without a lock.
    std::size_t size() { return map_.lock_table().size(); }

    std::size_t capacity() { return map_.capacity(); }
};

}  // namespace

extern "C" const CppFunctions peers_libcuckoo = peers::table_functions<Cuckoo>();
