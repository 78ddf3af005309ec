package postgres

import "time"

const (
	// DefaultConns is how many connections a DB opens at most. One costs the server 2 to 10 MB; the private cluster
	// takes clusterConns in all. A caller beyond the bound waits until one is free or its context ends.
	DefaultConns = 8

	// connectTimeout bounds one attempt for one host, so a dead first host delays a failover by this much at most.
	connectTimeout = 3 * time.Second
	// netTimeout is after how long without acknowledgement a connection to a host that vanished is given up.
	netTimeout = 10 * time.Second
	// statementTimeout ends a statement in the server: a bound for those that wait where nobody looks. Reports over long
	// ranges set their own in their transaction.
	statementTimeout = 60 * time.Second
	// lockTimeout bounds the wait for a lock: writers of ours never hold one for long.
	lockTimeout = 10 * time.Second
	// idleInTransaction ends the session of a process that stopped in the middle of a transaction, so that its locks go.
	idleInTransaction = 60 * time.Second

	// migrateLockWait is how many seconds a process waits for another that migrates.
	migrateLockWait = 300

	// maxNodeName is the length of a node's name: that of the data plane's boot file and of the column.
	maxNodeName = 63
)

// Of the private cluster.
const (
	// clusterConns is max_connections: some per role instance, and a few for administrators.
	clusterConns = 40
	// socketPathMax is the longest path of a unix socket on Linux, without the closing zero.
	socketPathMax = 107
	// readyWait bounds a start, crash recovery included: max_wal_size is replayed in well under a minute.
	readyWait = 5 * time.Minute
	// adoptWait bounds the wait for an answer of a postmaster that already runs and is neither starting nor stopping.
	adoptWait = 30 * time.Second
	// readyPoll is how often it is asked meanwhile.
	readyPoll = 20 * time.Millisecond
	// orphanTries is how many starts, a fifth of a second apart, are refused because of children of a killed postmaster
	// before these are ended.
	orphanTries = 3
	// stopFast bounds the fast shutdown, which writes a checkpoint; stopQuick the immediate one after it, and then the kill:
	// less than 30 s in all, after which the management daemon gives a role up.
	stopFast, stopQuick = 20 * time.Second, 4 * time.Second
	// logMax is the size at which the server's log is moved aside, looked at every logPoll. Two are kept.
	logMax  = 4 << 20
	logPoll = 5 * time.Second
)
