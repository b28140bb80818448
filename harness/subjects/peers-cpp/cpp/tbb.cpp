// oneTBB's `concurrent_hash_map`: chains, a reader-writer spinlock for each bucket and each entry.
#include <array>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>

#include <oneapi/tbb/concurrent_hash_map.h>

#include "peers.hpp"

namespace {

// Keeps calls and an iteration apart: the library's iterators must not run beside writers.
class Gate {
    struct alignas(64) Slot {
        std::atomic<std::uint32_t> busy{0};
    };
    static constexpr std::size_t SLOTS = 64;
    std::array<Slot, SLOTS> slots_;
    std::atomic<bool> closed_{false};
    std::mutex closing_;

    static std::size_t own_slot() {
        static std::atomic<std::size_t> threads{0};
        thread_local const std::size_t slot = threads.fetch_add(1, std::memory_order_relaxed) % SLOTS;
        return slot;
    }

public:
    // Sequentially consistent, with `closed_`'s store and the loads of `busy` in `close`: of a caller that
    // comes and an iteration that closes, one at least sees the other.
    void pass() {
        std::atomic<std::uint32_t>& busy = slots_[own_slot()].busy;
        while (busy.fetch_add(1), closed_.load()) {
            busy.fetch_sub(1);
            while (closed_.load()) std::this_thread::yield();
        }
    }

    // Release pairs with the acquire of the load in `close`: what the call has done is seen by the iteration.
    void gone() { slots_[own_slot()].busy.fetch_sub(1, std::memory_order_release); }

    void close() {
        closing_.lock();
        closed_.store(true);
        for (Slot& slot : slots_) {
            while (slot.busy.load() != 0) std::this_thread::yield();
        }
    }

    void open() {
        closed_.store(false);
        closing_.unlock();
    }
};

struct Compare : peers::Hash {
    explicit Compare(peers::Hash hash) : peers::Hash(hash) {}
    template <class K>
    std::size_t hash(const K& key) const { return (*this)(key); }
    template <class A, class B>
    bool equal(const A& a, const B& b) const { return std::uint64_t(a) == std::uint64_t(b); }
};

class Tbb {
    using Entry = std::pair<const std::uint64_t, std::uint64_t>;
    using Map = tbb::concurrent_hash_map<std::uint64_t, std::uint64_t, Compare, peers::Allocator<Entry>>;
    Map map_;
    Gate gate_;

public:
    class Session {
        Gate& gate_;

    public:
        explicit Session(Tbb& map) : gate_(map.gate_) { gate_.pass(); }
        ~Session() { gate_.gone(); }
    };

    Tbb(std::size_t capacity, peers::Hash hash) : map_(capacity, Compare(hash)) {}

    bool get(const peers::Probe& probe, std::uint64_t& value) {
        Map::const_accessor entry;
        if (!map_.find(entry, probe)) return false;
        value = entry->second;
        return true;
    }

    // A new entry is locked by its accessor until it has its value.
    bool insert(const peers::Probe& probe, std::uint64_t value) {
        Map::accessor entry;
        if (!map_.insert(entry, probe)) return false;
        entry->second = value;
        return true;
    }

    bool remove(const peers::Probe& probe, std::uint64_t& old) {
        Map::accessor entry;
        while (map_.find(entry, probe)) {
            old = entry->second;
            if (map_.erase(entry)) return true;
        }
        return false;
    }

    template <class F>
    bool update(const peers::Probe& probe, std::uint64_t& old, F f) {
        Map::accessor entry;
        if (!map_.find(entry, probe)) return false;
        old = entry->second;
        std::uint64_t replacement;
        if (f(old, &replacement)) entry->second = replacement;
        return true;
    }

    // Whether the key was there.
    template <class F>
    bool upsert(const peers::Probe& probe, std::uint64_t absent, std::uint64_t& old, F f) {
        Map::accessor entry;
        if (map_.insert(entry, probe)) {
            entry->second = absent;
            return false;
        }
        old = entry->second;
        entry->second = f(old);
        return true;
    }

    template <class F>
    void for_each(F f) {
        struct Closed {
            Gate& gate;
            explicit Closed(Gate& its) : gate(its) { gate.close(); }
            ~Closed() { gate.open(); }
        } closed(gate_);
        for (const auto& entry : map_) f(entry.first, entry.second);
    }

    std::size_t size() { return map_.size(); }
    std::size_t capacity() { return 0; }
    void enter() {}
    void leave() {}
};

}  // namespace

extern "C" const CppFunctions peers_tbb = peers::table_functions<Tbb>();
