package alarm

import "time"

// The codes. They are never reused or renamed.
const (
	DataplaneGone    Code = "dataplane.gone"
	ControlStalled   Code = "dataplane.control-stalled"
	HeapFuse         Code = "dataplane.heap-fuse"
	LcoreStalled     Code = "lcore.stalled"
	PortDown         Code = "port.down"
	ServiceDown      Code = "service.down"
	FlowTableFull    Code = "flow.table-nearly-full"
	LoginConflict    Code = "login.conflict"
	DatabaseServer   Code = "database.server-down"
	DatabaseDown     Code = "database.unavailable"
	DatabaseReadOnly Code = "database.read-only"
	DatabaseFull     Code = "database.disk-full"
	DatabaseNewer    Code = "database.newer-schema"
	SpoolGrowing     Code = "event.spool-growing"
	SpoolFull        Code = "event.spool-full"
	EventGap         Code = "event.gap"
	RingBlocked      Code = "ring.blocked"
	RingConflated    Code = "ring.conflated"
	RingBroken       Code = "ring.broken"
	RoleAbsent       Code = "role.absent"
	RoleFailed       Code = "role.failed"
	RoleUnhealthy    Code = "role.unhealthy"
	RoleLooping      Code = "role.crash-looping"
	RoleSilent       Code = "role.silent"
	NoStandby        Code = "role.no-standby"
	StoreLag         Code = "store.lag"
	MemoryHigh       Code = "memory.high"

	DiskLow             Code = "disk.nearly-full"
	ChangeReverted      Code = "change.unconfirmed-reverted"
	ChangeDrift         Code = "change.drift"
	AuditDown           Code = "audit.unavailable"
	CertificateEnds     Code = "certificate.expiring"
	BruteForce          Code = "login.brute-force"
	SettingsAhead       Code = "settings.not-mirrored"
	WebhookFailing      Code = "webhook.failing"
	CaptureStopped      Code = "capture.stopped-short"
	BackupFailed        Code = "backup.failed"
	ClockUnsynchronised Code = "clock.not-synchronised"

	PeerUnreachable Code = "peer.unreachable"
	PeerLagging     Code = "peer.lagging"
	PeerDuplicate   Code = "peer.duplicate-node"
	PeerDiverged    Code = "peer.diverged"
	PeerCertificate Code = "peer.certificate-expiring"
	PairNotReady    Code = "pair.not-ready"
	PairTakeover    Code = "pair.takeover"
)

// Catalogue declares every problem that users see. Subjects: "lcore/0"; role and shard "store/0"; below it an instance of
// it, "store/0/1", and a ring that it reads, "store/0/lcore1"; a process "process/4711"; "port/NAME", "service/NAME", "webhook/NAME", "capture/ID", "peer/NAME";
// none for the node.
var Catalogue = []Entry{
	{
		Code: DataplaneGone, Severity: Critical, Title: "the data plane does not run",
		Cause:       "its process has ended, was killed, or has never been started on this node",
		Consequence: "no frame crosses this node: its port pairs are down, and hosts use their other paths if they have any",
		Action:      "systemctl status fcr-dataplane; its log says why it ended. Start it again: it keeps its flows and logins",
		Raise:       time.Second, Clear: 2 * time.Second,
	},
	{
		Code: ControlStalled, Severity: Major, Title: "the data plane's control goroutine does not answer",
		Cause:       "the management cores are overloaded, the process is stopped, or it has a fault",
		Consequence: "frames flow on, but logins are not learnt, services that fail are not noticed and no new policy is taken",
		Action:      "look at the load of the cores that are not lcores (fcrctl lcore list, top); if it persists, restart the data plane (warm)",
		DependsOn:   []Code{DataplaneGone}, Raise: 3 * time.Second, Clear: 2 * time.Second,
	},
	{
		Code: HeapFuse, Severity: Major, Title: "the data plane collects garbage",
		Cause:       "its heap has reached the limit that stands as a fuse; in normal work it does not grow",
		Consequence: "the lcores may be stopped for milliseconds at a time, which hosts see as latency",
		Action:      "make a support bundle and report it; a warm restart of the data plane frees the heap",
		DependsOn:   []Code{DataplaneGone}, Occurrence: true, Clear: 15 * time.Minute,
	},
	{
		Code: LcoreStalled, Severity: Critical, Title: "an lcore does not poll its ports",
		Cause:       "its CPU was taken by another program or by the hypervisor, or its driver hangs",
		Consequence: "frames of its port pairs wait in the NIC, and are lost when its ring is full",
		Action:      "fcrctl lcore list shows its CPU: keep other programs off it (isolcpus, no overcommitted virtual CPU)",
		DependsOn:   []Code{DataplaneGone}, Raise: time.Second, Clear: 2 * time.Second,
	},
	{
		Code: PortDown, Severity: Critical, Title: "a port towards hosts or storage has no link",
		Cause:       "its cable or optic, the port at the other end, or the machine behind it",
		Consequence: "no frame crosses its pair: hosts use their other paths if they have any",
		Action:      "fcrctl port list; look at cable, optic and the port at the other end",
		DependsOn:   []Code{DataplaneGone, ControlStalled}, Raise: time.Second, Clear: 2 * time.Second,
	},
	{
		Code: ServiceDown, Severity: Major, Title: "a service cannot be used",
		Cause:       "its port has no link, since the machine that offers it is down or its cable is out, or this node has no such port",
		Consequence: "flows that are redirected to it take their direct way past it (on-failure: bypass) or stop (block) until it is back",
		Action:      "look at the machine that offers the service and at its link (fcrctl service list, port list); flows go back to it by themselves",
		DependsOn:   []Code{DataplaneGone, ControlStalled}, Raise: time.Second, Clear: 2 * time.Second,
	},
	{
		Code: FlowTableFull, Severity: Warning, Title: "the flow table is nearly full",
		Cause:       "more flows than the boot file makes room for, or a scan that makes many short ones",
		Consequence: "flows beyond the table are forwarded without policy: they are not redirected",
		Action:      "raise flows in the boot file and restart the data plane, or find the scanner (fcrctl flow list)",
		DependsOn:   []Code{DataplaneGone}, Raise: 5 * time.Second, Clear: time.Minute,
	},
	{
		Code: LoginConflict, Severity: Major, Title: "a WWPN that is logged in is claimed from elsewhere",
		Cause:       "a host was moved or cloned with its WWPN, or somebody impersonates it",
		Consequence: "the claim is not believed while the first login lives; its flows keep their policy",
		Action:      "fcrctl login list and the event login.conflict say who and where; find the second port and remove it or its WWPN",
		Occurrence:  true, Clear: 15 * time.Minute,
	},
	{
		Code: DatabaseServer, Severity: Major, Title: "the role that keeps the database does not work",
		Cause:       "the private PostgreSQL server was ended, hangs or does not come up, or its data folder is damaged or of another version",
		Consequence: "when the server ends, or has ended already, nobody starts it again; traffic is not affected",
		Action:      "the log of fcr-mgmtd and that of the server beside its data folder say why; fcrctl role restart database",
		DependsOn:   []Code{DatabaseDown, DatabaseFull, DatabaseNewer}, Raise: 2 * time.Second, Clear: 3 * time.Second,
	},
	{
		Code: DatabaseDown, Severity: Major, Title: "the database cannot be reached",
		Cause:       "PostgreSQL is stopped, restarting or failing over, the network to it is down, or it refuses our login",
		Consequence: "traffic is not affected; events wait in the local spool, flow figures in the rings, and history has no newer data",
		Action:      "look at the state of PostgreSQL and at the DSN; everything that waits is written when it is back",
		DependsOn:   []Code{DatabaseFull, DatabaseNewer}, Raise: 2 * time.Second, Clear: 3 * time.Second,
	},
	{
		Code: DatabaseReadOnly, Severity: Major, Title: "the database is read-only",
		Cause:       "the DSN leads to a standby, or an administrator has set the server read-only",
		Consequence: "traffic is not affected; nothing is written until a writable server is found",
		Action:      "promote a standby or name the primary in the DSN; read-only mode of the server must be ended by hand",
		DependsOn:   []Code{DatabaseFull}, Raise: 2 * time.Second, Clear: 3 * time.Second,
	},
	{
		Code: DatabaseFull, Severity: Critical, Title: "the database has no disk space",
		Cause:       "the disk of PostgreSQL is full, by our history or by something else on it",
		Consequence: "traffic is not affected; nothing is written, and when the event spool is full too events are lost",
		Action:      "free space on the disk of the database, or shorten the retention of samples",
		Clear:       5 * time.Second,
	},
	{
		Code: DatabaseNewer, Severity: Major, Title: "the database was made by a newer version",
		Cause:       "another node, or this one before a downgrade, has brought the schema to a version that this one does not know",
		Consequence: "this version refuses to write; traffic is not affected, events wait in the local spool",
		Action:      "install the newer version here too, or point this node to a database of its own",
		Clear:       5 * time.Second,
	},
	{
		Code: SpoolGrowing, Severity: Warning, Title: "events wait in the local spool",
		Cause:       "the database takes events more slowly than they come",
		Consequence: "nothing is lost yet; lists of events lag behind",
		Action:      "look at the load of the database and at the source of the events (fcrctl event list)",
		DependsOn:   []Code{DatabaseDown, DatabaseReadOnly, DatabaseFull, DatabaseNewer, SpoolFull}, Raise: 10 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: SpoolFull, Severity: Critical, Title: "the local spool of events is full",
		Cause:       "the database was away for longer than the spool lasts, or the disk of this node is full",
		Consequence: "events stay in the rings of the data plane, and when these are full too they are lost and counted as a gap",
		Action:      "bring the database back; make room on the disk with the state folder",
		Clear:       5 * time.Second,
	},
	{
		Code: EventGap, Severity: Major, Title: "events were lost",
		Cause:       "events came faster than they could be made durable, and their ring was full",
		Consequence: "the event log has a gap record where they are missing, with their number; traffic and counters are complete",
		Action:      "look for what came before it: a full spool, a dead event role, or a storm of logins",
		Occurrence:  true, Clear: 15 * time.Minute,
	},
	{
		Code: RingBlocked, Severity: Major, Title: "a ring is not read",
		Cause:       "its consumer is dead, hangs, or cannot make anything durable",
		Consequence: "traffic is not affected; flow figures are merged and written later, events are lost when their ring is full",
		Action:      "fcrctl ring list and fcrctl role list show which role it is: restart it (fcrctl role restart)",
		DependsOn:   []Code{DatabaseDown, DatabaseReadOnly, DatabaseFull, DatabaseNewer, SpoolFull, RoleAbsent, RoleLooping},
		Raise:       5 * time.Second, Clear: 2 * time.Second,
	},
	{
		Code: RingConflated, Severity: Warning, Title: "flow updates are merged because a ring is full",
		Cause:       "its consumer is slower than the traffic changes",
		Consequence: "totals stay exact, but come at longer intervals",
		Action:      "give the consumer more shards or cores, or the database a faster disk",
		DependsOn:   []Code{DatabaseDown, DatabaseReadOnly, DatabaseFull, DatabaseNewer, RingBlocked, RingBroken, RoleAbsent, RoleLooping},
		Raise:       5 * time.Second, Clear: 10 * time.Second,
	},
	{
		Code: RingBroken, Severity: Critical, Title: "a ring is of no use any more",
		Cause:       "a process wrote nonsense into the ctl file, or the file was replaced under a running data plane",
		Consequence: "what goes through this ring does not arrive; traffic is not affected",
		Action:      "restart the role that reads it; if it stays, restart the data plane with --fresh at a quiet time, and report it",
		DependsOn:   []Code{DataplaneGone}, Clear: 5 * time.Second,
	},
	{
		Code: RoleAbsent, Severity: Major, Title: "nobody does the work of a role",
		Cause:       "its process has died or was never started, it failed, or it was stopped by hand; the detail says which",
		Consequence: "store: no figures are written; event: no log is kept; monitor: nobody watches; traffic is not affected",
		Action:      "systemctl status fcr-mgmtd and its log; fcrctl role list; fcrctl role start",
		DependsOn:   []Code{DataplaneGone, RoleLooping}, Raise: 3 * time.Second, Clear: 2 * time.Second,
	},
	{
		Code: RoleFailed, Severity: Warning, Title: "an instance of a role has failed",
		Cause:       "it ended with an error, which the detail says; it is started again with growing delays",
		Consequence: "nothing now: another instance does the work",
		Action:      "the log of fcr-mgmtd has the error; fcrctl role restart tries again at once",
		DependsOn:   []Code{DataplaneGone, DatabaseDown, DatabaseNewer, RoleAbsent, RoleLooping}, Raise: 3 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: RoleUnhealthy, Severity: Major, Title: "a role says that it does not work well",
		Cause:       "the detail says what it found",
		Consequence: "what the role does may be delayed; after the threshold it is restarted or a standby takes over",
		Action:      "the log of fcr-mgmtd has more",
		DependsOn:   []Code{DataplaneGone, DatabaseDown, DatabaseReadOnly, DatabaseFull, DatabaseNewer, SpoolFull, RoleAbsent}, Clear: 5 * time.Second,
	},
	{
		Code: RoleLooping, Severity: Major, Title: "a role fails again and again",
		Cause:       "whatever makes it fail is there again after each start",
		Consequence: "what the role does is mostly not done",
		Action:      "the log of fcr-mgmtd has the error of each start; make a support bundle and report it",
		DependsOn:   []Code{DatabaseDown, DatabaseNewer, DataplaneGone}, Clear: 2 * time.Minute,
	},
	{
		Code: RoleSilent, Severity: Major, Title: "a role gives no sign of life",
		Cause:       "its process is stopped or hangs, or its cores are overloaded",
		Consequence: "what the role does is not done until it is restarted or a standby has taken over",
		Action:      "fcrctl role list shows its process; fcrctl role restart, and if it does not react end the process",
		DependsOn:   []Code{RoleAbsent}, Clear: 3 * time.Second,
	},
	{
		Code: NoStandby, Severity: Warning, Title: "a role has no standby left",
		Cause:       "of the replicas that the roles file asks for only one lives",
		Consequence: "nothing now; if it fails too, its work stops until it is started again",
		Action:      "fcrctl role list shows which is missing: start its process again",
		DependsOn:   []Code{DataplaneGone}, Raise: 10 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: StoreLag, Severity: Warning, Title: "flow figures are written late",
		Cause:       "the database takes them more slowly than they come",
		Consequence: "totals stay exact, lists and history lag behind",
		Action:      "look at the load and the disk of the database; more store shards help when it has cores to spare",
		DependsOn:   []Code{DatabaseDown, DatabaseReadOnly, DatabaseFull, DatabaseNewer, RingBlocked, RingBroken, RoleAbsent, RoleLooping},
		Raise:       10 * time.Second, Clear: 10 * time.Second,
	},
	{
		Code: MemoryHigh, Severity: Warning, Title: "a management process needs more memory than it may",
		Cause:       "more flows than its memory was set for, or a leak",
		Consequence: "nothing yet; at the limit of its service the kernel ends the process, and it starts anew",
		Action:      "raise memory in the roles file if the number of flows explains it, else make a support bundle and report it",
		Raise:       10 * time.Second, Clear: 30 * time.Second,
	},
	{
		Code: DiskLow, Severity: Major, Title: "the disk with the state folder is nearly full",
		Cause:       "backups, captures, logs or other programs have filled it",
		Consequence: "when it is full no event, no change and no sign-in can be noted down, and so none is taken; traffic is not affected",
		Action:      "delete backups, bundles and captures that nobody needs, or give the state folder a larger disk",
		DependsOn:   []Code{DatabaseFull, SpoolFull}, Raise: 5 * time.Second, Clear: 30 * time.Second,
	},
	{
		Code: ClockUnsynchronised, Severity: Warning, Title: "the clock is not synchronised",
		Cause:       "no time server answers, or none is configured",
		Consequence: "times in logs and samples drift, certificates and tokens may be judged wrongly; traffic is not affected",
		Action:      "configure a time server (timedatectl, chronyc sources)",
		Raise:       10 * time.Minute, Clear: time.Minute,
	},
	{
		Code: ChangeReverted, Severity: Major, Title: "a change was not confirmed and was reverted",
		Cause:       "nobody confirmed it before its deadline: it may have cut off whoever applied it",
		Consequence: "the configuration of before is in force; what was applied is pending again",
		Action:      "look at the pending configuration and at the events around the deadline, then apply it again and confirm, or discard it",
		Occurrence:  true, Reported: true, Clear: 15 * time.Minute,
	},
	{
		Code: ChangeDrift, Severity: Major, Title: "the data plane runs another configuration",
		Cause:       "it was started with another policy file, or reverted while nobody watched",
		Consequence: "flows are judged by rules that the API does not show as active",
		Action:      "compare both (fcrctl change status) and apply the one that is meant",
		DependsOn:   []Code{DataplaneGone, ControlStalled}, Reported: true, Raise: 10 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: AuditDown, Severity: Major, Title: "the audit log cannot be written",
		Cause:       "the role that keeps events does not run, or its spool is full",
		Consequence: "changes are refused, since it could not be told who made them; reading, confirm and revert work",
		Action:      "fcrctl role list: start role event; make room on the disk with the state folder",
		DependsOn:   []Code{SpoolFull, DataplaneGone}, Reported: true, Raise: 2 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: CertificateEnds, Severity: Warning, Title: "the certificate of the API ends soon",
		Cause:       "nobody has replaced it; the detail says when it ends",
		Consequence: "from then on browsers and scripts refuse to talk to the appliance; traffic is not affected",
		Action:      "install a new certificate and key where the roles file says (api: certificate, key)",
		Reported:    true, Clear: 10 * time.Second,
	},
	{
		Code: BruteForce, Severity: Warning, Title: "somebody tries passwords",
		Cause:       "many sign-ins failed: an attack, or a script with an old password",
		Consequence: "the account or the address has to wait before it may try again",
		Action:      "the audit log has the addresses: find the machine, or change what it has stored",
		Occurrence:  true, Reported: true, Clear: 15 * time.Minute,
	},
	{
		Code: SettingsAhead, Severity: Warning, Title: "settings are not in the database yet",
		Cause:       "the database was away when they were changed, or does not take them",
		Consequence: "they are in force, and safe in the file of this node; another machine would not have them",
		Action:      "look at the database; the log of fcr-mgmtd says what it refuses",
		DependsOn:   []Code{DatabaseDown, DatabaseReadOnly, DatabaseFull, DatabaseNewer}, Reported: true, Raise: 30 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: WebhookFailing, Severity: Warning, Title: "a webhook does not take events",
		Cause:       "its receiver is away, refuses, or its certificate is not trusted; the detail says which",
		Consequence: "events wait and are tried again; those that wait too long are counted as given up",
		Action:      "look at the webhook's state, mend its receiver or address, and send a test",
		Reported:    true, Clear: 5 * time.Second,
	},
	{
		Code: CaptureStopped, Severity: Warning, Title: "a capture ended before it was complete",
		Cause:       "its file or the disk was full, or frames came faster than they could be written",
		Consequence: "the capture lacks frames; traffic is not affected",
		Action:      "narrow its filter, or make room on the disk with the state folder, and start it again",
		Occurrence:  true, Reported: true, Clear: 15 * time.Minute,
	},
	{
		Code: BackupFailed, Severity: Warning, Title: "a backup was not made",
		Cause:       "the disk is full, or the configuration could not be read; the detail says which",
		Consequence: "the newest backup is older than intended",
		Action:      "look at the job's failure, mend it and make the backup again",
		DependsOn:   []Code{DiskLow}, Occurrence: true, Reported: true, Clear: 24 * time.Hour,
	},
	{
		Code: PeerUnreachable, Severity: Major, Title: "a peer cannot be reached",
		Cause:       "its machine or its management daemon is down, the network between is cut, or one of the two does not accept the other's certificate",
		Consequence: "what happens here is not known there, and the other way round: neither could take over for the other without knowing old things only",
		Action:      "fcrctl peer show NAME says what came of the last attempt; look at its fcr-mgmtd, the network and the certificates (port 8444)",
		DependsOn:   []Code{RoleAbsent, RoleLooping}, Reported: true, Raise: 5 * time.Second, Clear: 2 * time.Second,
	},
	{
		Code: PeerLagging, Severity: Warning, Title: "a peer gets changes late",
		Cause:       "the connection is slower than the changes, or the peer's machine is overloaded",
		Consequence: "if it took over now it would know old things of some flows; nothing is lost, the latest state of each flow goes out in the end",
		Action:      "fcrctl peer show NAME has the lag of each stream; give the connection more room, or the peer more processor",
		DependsOn:   []Code{PeerUnreachable}, Reported: true, Raise: 10 * time.Second, Clear: 5 * time.Second,
	},
	{
		Code: PeerDuplicate, Severity: Critical, Title: "two nodes have the same name",
		Cause:       "a machine was cloned with its certificate and name, or a name was given twice",
		Consequence: "the connection of one of them is refused; both could believe that they are the active one",
		Action:      "find the second machine by the address in the event peer.duplicate_node, stop it, and have it join under a name of its own",
		Occurrence:  true, Reported: true, Clear: 15 * time.Minute,
	},
	{
		Code: PeerDiverged, Severity: Major, Title: "what two nodes knew was not the same",
		Cause:       "a fault in memory or in this program: what is sent is checked, and comparing digests found a difference all the same",
		Consequence: "it was repaired; until then a takeover could have judged some flows by something else",
		Action:      "make support bundles on both nodes and report it; if it comes again, look at the memory of both machines",
		Occurrence:  true, Reported: true, Clear: 24 * time.Hour,
	},
	{
		Code: PeerCertificate, Severity: Warning, Title: "the certificate for peers ends soon",
		Cause:       "it could not be renewed by itself; the log of fcr-mgmtd says why",
		Consequence: "when it has ended, peers refuse this node and it is not kept in step",
		Action:      "fcrctl peer rotate",
		Reported:    true, Clear: 10 * time.Second,
	},
	{
		Code: PairNotReady, Severity: Major, Title: "the pair has no standby that could take over",
		Cause:       "the partner is away, or has not yet all logins and flows, or its data plane does not run; the detail says which",
		Consequence: "if the active node died now, hosts would have to log in anew, or their paths through the pair would stay down",
		Action:      "fcrctl peer list and fcrctl pair show on both nodes say what is missing",
		DependsOn:   []Code{PeerUnreachable, DataplaneGone}, Reported: true, Raise: 15 * time.Second, Clear: 2 * time.Second,
	},
	{
		Code: PairTakeover, Severity: Critical, Title: "this node took over from its partner",
		Cause:       "the partner's data plane was silent on all paths: it is down, or cut off",
		Consequence: "traffic goes on through this node; there is no second one until the partner is back",
		Action:      "look at the partner: its machine, its data plane, its log; when it is back it becomes the standby by itself",
		Occurrence:  true, Reported: true, Clear: time.Hour,
	},
}
