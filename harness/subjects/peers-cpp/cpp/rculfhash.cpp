// liburcu's `cds_lfht`: a lock-free split-ordered list, resized by a thread of its own, with the flavour `memb` of
// RCU. Nodes are freed by `call_rcu`, on a thread of the library.
//
// Values never change in their place: a node is replaced by another one, so that an update that has been lost
// to another writer is noticed, and done again.
#include <new>

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "peers.hpp"

namespace {

struct Node {
    cds_lfht_node links;
    std::uint64_t key;
    std::uint64_t value;
    rcu_head head;

    static Node* create(std::uint64_t key, std::uint64_t value) {
        Node* node = new (peers_allocate(sizeof(Node), alignof(Node))) Node;
        cds_lfht_node_init(&node->links);
        node->key = key;
        node->value = value;
        return node;
    }

    // Of a node that nobody has seen, or nobody sees any more.
    void release() { peers_release(this, sizeof(Node), alignof(Node)); }

    void retire() {
        urcu_memb_call_rcu(&head, [](rcu_head* head) { caa_container_of(head, Node, head)->release(); });
    }

    static Node* of(cds_lfht_node* links) {
        return links == nullptr ? nullptr : caa_container_of(links, Node, links);
    }

    static int matches(cds_lfht_node* links, const void* key) {
        return of(links)->key == *static_cast<const std::uint64_t*>(key);
    }
};

// A thread is a reader from its first call until it ends, whatever tables and handles it has meanwhile.
void be_a_reader() {
    struct Reader {
        Reader() { urcu_memb_register_thread(); }
        ~Reader() { urcu_memb_unregister_thread(); }
    };
    thread_local Reader reader;
    // Else it would not be made.
    (void)reader;
}

struct Reading {
    Reading() { urcu_memb_read_lock(); }
    ~Reading() { urcu_memb_read_unlock(); }
};

std::size_t power_of_two(std::size_t least) {
    std::size_t power = 1;
    while (power < least && power <= SIZE_MAX / 2) power *= 2;
    return power;
}

class Rculfhash {
    cds_lfht* table_;

    Node* find(const peers::Probe& probe, cds_lfht_iter* at) {
        cds_lfht_lookup(table_, probe.hash, Node::matches, &probe.key, at);
        return Node::of(cds_lfht_iter_get_node(at));
    }

public:
    struct Session {
        explicit Session(Rculfhash&) { be_a_reader(); }
    };

    Rculfhash(std::size_t capacity, peers::Hash) {
        const int flags = CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING;
        table_ = cds_lfht_new_flavor(power_of_two(capacity), 1, 0, flags, &urcu_memb_flavor, nullptr);
        if (table_ == nullptr) throw std::bad_alloc();
    }

    // No thread uses the table any more, but the one that resizes it may: nodes are retired here, too.
    ~Rculfhash() {
        be_a_reader();
        {
            Reading reading;
            cds_lfht_iter at;
            cds_lfht_first(table_, &at);
            while (Node* node = Node::of(cds_lfht_iter_get_node(&at))) {
                cds_lfht_next(table_, &at);
                if (cds_lfht_del(table_, &node->links) == 0) node->retire();
            }
        }
        cds_lfht_destroy(table_, nullptr);
    }

    bool get(const peers::Probe& probe, std::uint64_t& value) {
        Reading reading;
        cds_lfht_iter at;
        const Node* node = find(probe, &at);
        if (node == nullptr) return false;
        value = node->value;
        return true;
    }

    // A lookup first: a key that is there needs no node.
    bool insert(const peers::Probe& probe, std::uint64_t value) {
        Reading reading;
        cds_lfht_iter at;
        if (find(probe, &at) != nullptr) return false;
        Node* node = Node::create(probe.key, value);
        if (add(probe, node)) return true;
        node->release();
        return false;
    }

    bool remove(const peers::Probe& probe, std::uint64_t& old) {
        Reading reading;
        cds_lfht_iter at;
        while (Node* node = find(probe, &at)) {
            if (cds_lfht_del(table_, &node->links) == 0) {
                old = node->value;
                node->retire();
                return true;
            }
        }
        return false;
    }

    template <class F>
    bool update(const peers::Probe& probe, std::uint64_t& old, F f) {
        Reading reading;
        cds_lfht_iter at;
        while (Node* node = find(probe, &at)) {
            old = node->value;
            std::uint64_t replacement;
            if (!f(old, &replacement)) return true;
            if (replace(probe, &at, node, replacement)) return true;
        }
        return false;
    }

    // Whether the key was there.
    template <class F>
    bool upsert(const peers::Probe& probe, std::uint64_t absent, std::uint64_t& old, F f) {
        Reading reading;
        for (;;) {
            cds_lfht_iter at;
            if (Node* node = find(probe, &at)) {
                old = node->value;
                if (replace(probe, &at, node, f(old))) return true;
            } else {
                Node* fresh = Node::create(probe.key, absent);
                if (add(probe, fresh)) return false;
                fresh->release();
            }
        }
    }

    template <class F>
    void for_each(F f) {
        be_a_reader();
        Reading reading;
        cds_lfht_iter at;
        cds_lfht_first(table_, &at);
        while (const Node* node = Node::of(cds_lfht_iter_get_node(&at))) {
            f(node->key, node->value);
            cds_lfht_next(table_, &at);
        }
    }

    // By a walk: the library's counters are an estimate.
    std::size_t size() {
        be_a_reader();
        Reading reading;
        long before, after;
        unsigned long count;
        cds_lfht_count_nodes(table_, &before, &count, &after);
        return count;
    }

    std::size_t capacity() { return 0; }

    void enter() {
        be_a_reader();
        urcu_memb_read_lock();
    }

    void leave() { urcu_memb_read_unlock(); }

private:
    bool add(const peers::Probe& probe, Node* node) {
        return cds_lfht_add_unique(table_, probe.hash, Node::matches, &probe.key, &node->links) == &node->links;
    }

    bool replace(const peers::Probe& probe, cds_lfht_iter* at, Node* old, std::uint64_t value) {
        Node* fresh = Node::create(probe.key, value);
        if (cds_lfht_replace(table_, at, probe.hash, Node::matches, &probe.key, &fresh->links) == 0) {
            old->retire();
            return true;
        }
        fresh->release();
        return false;
    }
};

}  // namespace

extern "C" const CppFunctions peers_rculfhash = peers::table_functions<Rculfhash>();
