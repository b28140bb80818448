// Between the program, in Rust, and tables in C++: the other side is src/interface.rs.
//
// A table is a class with the operations that `serve` names; `table_functions` makes C functions of it, which run
// many operations in one call. So a call from one language into the other costs an operation a
// small part of itself, the same part for every table.
#ifndef PEERS_HPP
#define PEERS_HPP

#include <cstddef>
#include <cstdint>
#include <exception>
#include <new>
#include <string>
#include <type_traits>

extern "C" {

// What an operation does, as src/interface.rs numbers it.
enum CppKind : std::uint32_t {
    GET = 0,     // reads the value
    INSERT = 1,  // adds the key with `value`, unless it is there
    REMOVE = 2,  // takes the key out
    ADD = 3,     // adds `value` to the value of a key that is there
    PUT = 4,     // writes `value`, whether or not the key is there
    COUNT = 5,   // adds `value` to the value, or inserts it
};

// An operation, and then its answer: `found` says whether the key was there, `value` what it had, if it was.
struct CppCall {
    std::uint64_t key;
    std::uint64_t hash;
    std::uint64_t value;
    std::uint32_t kind;
    std::uint32_t found;
};

// The hash of a key. Operations bring that of their key along; a table that moves entries asks for theirs.
using HashFunction = std::uint64_t (*)(const void* hasher, std::uint64_t key);
// Sees a value, and writes what is to replace it; returns whether anything is.
using ValueFunction = bool (*)(void* context, std::uint64_t old, std::uint64_t* replacement);
// Sees an entry.
using EntryFunction = void (*)(void* context, std::uint64_t key, std::uint64_t value);

// The functions of a kind of table. Each may be called by any thread at any time, but for `destroy`, which is the
// last, and `leave`, which ends the calling thread's last `enter`. Those that return text return null, or
// what went wrong; the text is the calling thread's until it calls again.
struct CppFunctions {
    void* (*create)(std::size_t capacity, HashFunction hash, const void* hasher);
    void (*destroy)(void* table);
    // Does the calls in their order.
    const char* (*run)(void* table, CppCall* calls, std::size_t count);
    // Shows the value of `call->key` to `f`, and replaces it if `f` says so; nothing else runs on the key meanwhile
    // that could make the replacement a lost update.
    const char* (*modify)(void* table, CppCall* call, ValueFunction f, void* context);
    // Shows each entry.
    const char* (*for_each)(void* table, EntryFunction f, void* context);
    std::size_t (*size)(void* table);
    // Slots for entries; 0 where that means nothing.
    std::size_t (*capacity)(void* table);
    // Between the two, nodes that the thread has seen are not freed. They nest.
    void (*enter)(void* table);
    void (*leave)(void* table);
};

// The program's allocator: src/memory.rs. It never returns null.
void* peers_allocate(std::size_t size, std::size_t align);
void peers_release(void* block, std::size_t size, std::size_t align);
}

static_assert(sizeof(CppCall) == 32, "as src/interface.rs has it");

namespace peers {

// A key with its hash, by which tables are searched. Entries hold the key alone.
struct Probe {
    std::uint64_t key;
    std::uint64_t hash;
    operator std::uint64_t() const { return key; }
};

// The hash of a key that is stored, or of a probe, which brings it along.
struct Hash {
    using is_transparent = void;
    HashFunction function;
    const void* hasher;
    std::size_t operator()(std::uint64_t key) const { return function(hasher, key); }
    std::size_t operator()(const Probe& probe) const { return probe.hash; }
};

// The program's allocator, as C++ wants one.
template <class T>
struct Allocator {
    using value_type = T;
    using is_always_equal = std::true_type;
    Allocator() = default;
    template <class U>
    Allocator(const Allocator<U>&) noexcept {}
    T* allocate(std::size_t count) {
        if (count > SIZE_MAX / 2 / sizeof(T)) throw std::bad_alloc();
        return static_cast<T*>(peers_allocate(count * sizeof(T), alignof(T)));
    }
    void deallocate(T* block, std::size_t count) noexcept {
        peers_release(block, count * sizeof(T), alignof(T));
    }
    template <class U>
    bool operator==(const Allocator<U>&) const { return true; }
    template <class U>
    bool operator!=(const Allocator<U>&) const { return false; }
};

// Runs `f`. An exception must not leave C++: its text is returned.
template <class F>
const char* guarded(F f) noexcept {
    thread_local std::string text;
    try {
        f();
        return nullptr;
    } catch (const std::exception& error) {
        text = error.what();
    } catch (...) {
        text = "an exception of an unknown type";
    }
    return text.c_str();
}

// Does one call. Files are compiled with -fno-jump-tables: the operation is found by comparing, as it is for
// the tables in Rust.
template <class Map>
inline void serve(Map& map, CppCall& call) {
    const Probe probe{call.key, call.hash};
    const std::uint64_t operand = call.value;
    auto sum = [operand](std::uint64_t old) { return old + operand; };
    switch (call.kind) {
        case GET:
            call.found = map.get(probe, call.value);
            break;
        case INSERT:
            call.found = !map.insert(probe, operand);
            break;
        case REMOVE:
            call.found = map.remove(probe, call.value);
            break;
        case ADD:
            call.found = map.update(probe, call.value, [&](std::uint64_t old, std::uint64_t* replacement) {
                *replacement = sum(old);
                return true;
            });
            break;
        case PUT:
            call.found = map.upsert(probe, operand, call.value, [&](std::uint64_t) { return operand; });
            break;
        case COUNT:
            call.found = map.upsert(probe, operand, call.value, sum);
            break;
    }
}

// The functions of a table of class `Map`. A `Map::Session` lives as long as a call from Rust.
template <class Map>
constexpr CppFunctions table_functions() {
    CppFunctions functions{};
    functions.create = [](std::size_t capacity, HashFunction hash, const void* hasher) -> void* {
        Map* map = nullptr;
        guarded([&] { map = new Map(capacity, Hash{hash, hasher}); });
        return map;
    };
    functions.destroy = [](void* table) { delete static_cast<Map*>(table); };
    functions.run = [](void* table, CppCall* calls, std::size_t count) {
        return guarded([&] {
            Map& map = *static_cast<Map*>(table);
            typename Map::Session session(map);
            for (std::size_t i = 0; i < count; i++) serve(map, calls[i]);
        });
    };
    functions.modify = [](void* table, CppCall* call, ValueFunction f, void* context) {
        return guarded([&] {
            Map& map = *static_cast<Map*>(table);
            typename Map::Session session(map);
            auto shown = [=](std::uint64_t old, std::uint64_t* replacement) { return f(context, old, replacement); };
            call->found = map.update(Probe{call->key, call->hash}, call->value, shown);
        });
    };
    functions.for_each = [](void* table, EntryFunction f, void* context) {
        return guarded([&] {
            static_cast<Map*>(table)->for_each([=](std::uint64_t key, std::uint64_t value) { f(context, key, value); });
        });
    };
    functions.size = [](void* table) { return static_cast<Map*>(table)->size(); };
    functions.capacity = [](void* table) { return static_cast<Map*>(table)->capacity(); };
    functions.enter = [](void* table) { static_cast<Map*>(table)->enter(); };
    functions.leave = [](void* table) { static_cast<Map*>(table)->leave(); };
    return functions;
}

// What a table is that has nothing to do at the beginning and end of a call or a pin.
struct Plain {
    struct Session {
        explicit Session(Plain&) {}
    };
    void enter() {}
    void leave() {}
};

}  // namespace peers

#endif
