//! Commands of Redis Cluster. This is one server, without a cluster, and each of them answers what Redis does with
//! `cluster-enabled no`: clients and tools that try them go on without.

use crate::exec::handler::{Ctx, ServerHandler, ServerRow};
use curfew_protocol::spec::*;
use curfew_protocol::{Args, Error};

/// The rows of this family.
pub const ROWS: &[ServerRow] = &[
    ServerRow::new(
        Spec::new("asking", 1, Group::Cluster, "3.0.0")
            .flags(FAST)
            .acl(acl::CONNECTION)
            .doc("O(1)", "Announces a request for a slot that is on its way here.", ""),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster", -2, Group::Cluster, "3.0.0")
            .container()
            .doc("That of the subcommand", "Is about the nodes of a cluster, which this server is none of.", ""),
        ServerHandler::Container,
    ),
    ServerRow::new(
        Spec::new("cluster|addslots", -3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would make the node the owner of hash slots.", "slot..."),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|addslotsrange", -4, Group::Cluster, "7.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would make the node the owner of whole ranges of hash slots.", "range(start-slot:int end-slot:int)..."),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|bumpepoch", 2, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would raise the epoch of the configuration.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|count-failure-reports", 3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE)
            .doc("O(1)", "Would count how many nodes hold another one for dead.", "node-id")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|countkeysinslot", 3, Group::Cluster, "3.0.0")
            .flags(STALE)
            .doc("O(1)", "Would count what a hash slot has.", "slot"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|delslots", -3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would take hash slots away from the node.", "slot..."),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|delslotsrange", -4, Group::Cluster, "7.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would take whole ranges of hash slots away from the node.", "range(start-slot:int end-slot:int)..."),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|failover", -2, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would make a replica take the place of its master.", "[options<FORCE|TAKEOVER>]"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|flushslots", 2, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would leave the node without any hash slots.", ""),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|forget", 3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would strike a node from the list of those known.", "node-id"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|getkeysinslot", 4, Group::Cluster, "3.0.0")
            .flags(STALE)
            .doc("O(1)", "Would name some keys of a hash slot.", "slot count")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|help", 2, Group::Cluster, "5.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Would list the subcommands.", ""),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|info", 2, Group::Cluster, "3.0.0")
            .flags(STALE)
            .doc("O(1)", "Would show in which state the cluster is.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|keyslot", 3, Group::Cluster, "3.0.0")
            .flags(STALE)
            .doc("O(1)", "Would tell to which hash slot a key belongs.", "key:str"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|links", 2, Group::Cluster, "7.0.0")
            .flags(STALE)
            .doc("O(1)", "Would list the connections with the other nodes.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|meet", -4, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would introduce another node.", "ip port [cluster-bus-port:int^4.0.0]")
            .history(&[("4.0.0", "`cluster-bus-port`.")]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|myid", 2, Group::Cluster, "3.0.0")
            .flags(STALE)
            .doc("O(1)", "Would tell by which name the others know the node.", ""),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|myshardid", 2, Group::Cluster, "7.2.0")
            .flags(STALE)
            .doc("O(1)", "Would tell by which name the others know its shard.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|nodes", 2, Group::Cluster, "3.0.0")
            .flags(STALE)
            .doc("O(1)", "Would describe all nodes, a line each.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|replicas", 3, Group::Cluster, "5.0.0")
            .flags(ADMIN | STALE)
            .doc("O(1)", "Would list who replicates a master.", "node-id")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|replicate", 3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would make the node follow a master.", "node-id"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|reset", -2, Group::Cluster, "3.0.0")
            .flags(ADMIN | NOSCRIPT | STALE)
            .doc("O(1)", "Would make the node forget its cluster.", "[reset-type<HARD|SOFT>]"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|saveconfig", 2, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would write the state of the cluster to its file.", ""),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|set-config-epoch", 3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would give a new node its first epoch.", "config-epoch:int"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|setslot", -4, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE | NO_ASYNC_LOADING)
            .doc("O(1)", "Would say who has a hash slot, or who gets it.", "slot subcommand<IMPORTING importing\"node-id\"|MIGRATING migrating\"node-id\"|NODE node\"node-id\"|STABLE>"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|shards", 2, Group::Cluster, "7.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Would show which nodes have which hash slots.", "")
            .tips(&["nondeterministic_output"]),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|slaves", 3, Group::Cluster, "3.0.0")
            .flags(ADMIN | STALE)
            .doc("O(1)", "Would list who replicates a master, under an older name.", "node-id")
            .tips(&["nondeterministic_output"])
            .deprecated("5.0.0", "`CLUSTER REPLICAS`"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("cluster|slots", 2, Group::Cluster, "3.0.0")
            .flags(LOADING | STALE)
            .doc("O(1)", "Would show which hash slots are where.", "")
            .history(&[("4.0.0", "Names of nodes."), ("7.0.0", "More about the ways to reach a node.")])
            .tips(&["nondeterministic_output"])
            .deprecated("7.0.0", "`CLUSTER SHARDS`"),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("readonly", 1, Group::Cluster, "3.0.0")
            .flags(LOADING | STALE | FAST)
            .acl(acl::CONNECTION)
            .doc("O(1)", "Would let the connection read from a replica.", ""),
        ServerHandler::Inline(off),
    ),
    ServerRow::new(
        Spec::new("readwrite", 1, Group::Cluster, "3.0.0")
            .flags(LOADING | STALE | FAST)
            .acl(acl::CONNECTION)
            .doc("O(1)", "Would send the connection back to the master.", ""),
        ServerHandler::Inline(off),
    ),
];

fn off(_: &mut Ctx<'_>, _: Args<'_>) -> Result<(), Error> {
    Err(Error::CLUSTER_OFF)
}
