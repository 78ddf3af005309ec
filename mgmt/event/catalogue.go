package event

import (
	"slices"
	"strings"
)

// Kind is the type of a field's value.
type Kind uint8

// The kinds of fields.
const (
	Text     Kind = iota // a string; longer ones are cut
	Number               // a whole number
	Truth                // true or false
	Time                 // a time, in JSON as RFC 3339 in UTC
	Document             // a string that may be long, up to MaxDocument: a state of something, in JSON
)

// Field is a field that events of a type may have. One that is not known is left out.
type Field struct {
	Name string
	Kind Kind
}

// Entry declares a type of events.
type Entry struct {
	Type     Type
	Name     string // dotted, stable
	Severity Severity
	Category Category
	Text     string // one sentence; {name} stands for a field
	Fields   []Field
}

func text(names ...string) []Field     { return fields(Text, names) }
func number(names ...string) []Field   { return fields(Number, names) }
func truth(names ...string) []Field    { return fields(Truth, names) }
func times(names ...string) []Field    { return fields(Time, names) }
func document(names ...string) []Field { return fields(Document, names) }

func fields(kind Kind, names []string) []Field {
	list := make([]Field, len(names))
	for i, n := range names {
		list[i] = Field{n, kind}
	}
	return list
}

// What all events about a flow, a login, a thing with a name have.
var (
	flowFields = slices.Concat(number("serial"), truth("from_initiator"), number("fabric", "vsan"),
		text("s_id", "d_id", "initiator", "target", "in_port", "verdict", "rule", "service", "state"), number("generation", "frames", "bytes", "errors"),
		times("created", "last_seen"))
	verdictFields = slices.Concat(flowFields, text("old_verdict", "old_rule", "old_service", "old_state"))
	loginFields   = slices.Concat(number("fabric", "vsan"), text("fc_id", "wwpn", "wwnn", "mac", "port", "state", "role", "how", "cause"),
		truth("contested"), times("first_seen", "last_seen"), number("generation", "incarnation"))
	// Of what the data plane itself tells of a revision, whoever else lives.
	revisionFields = slices.Concat(number("revision", "confirmed"), text("policy", "document"), number("generation", "window_ms"))
	nameFields     = slices.Concat(text("name"), number("index"))
	roleFields     = slices.Concat(text("role"), number("shard"), text("instance"), number("pid"), text("version"))
	alarmFields    = slices.Concat(text("code", "subject", "level", "title", "detail"), truth("muted"))
	auditFields    = slices.Concat(text("who", "role", "door", "address", "action", "object", "result", "code", "request_id"), document("before", "after"))
	changeFields   = slices.Concat(number("revision"), text("by", "document", "why"))
	muteFields     = slices.Concat(text("mute", "code", "subject", "reason", "who"), times("until"))
	peerFields     = text("peer", "address", "why")
	clusterFields  = text("version", "document", "peer")
	pairFields     = slices.Concat(peerFields, number("epoch"))
	hookFields     = slices.Concat(text("webhook", "error"), number("status", "waiting", "event"))
)

// catalogue has every type, by number.
var catalogue = []Entry{
	{FlowCreated, "flow.created", Info, Flow, "{s_id} began to talk to {d_id}: {verdict}", flowFields},
	{FlowVerdict, "flow.verdict_changed", Notice, Flow, "the verdict for {s_id} to {d_id} is {verdict}, it was {old_verdict}", verdictFields},
	{FlowEnded, "flow.ended", Info, Flow, "{s_id} to {d_id} fell silent after {frames} frames", flowFields},
	{LoginUp, "login.up", Info, Login, "{wwpn} logged in as {fc_id} on {port}", loginFields},
	{LoginChanged, "login.changed", Info, Login, "{wwpn} at {fc_id} changed: {cause}", loginFields},
	{LoginDown, "login.down", Notice, Login, "{wwpn} at {fc_id} is gone: {cause}", loginFields},
	{LoginConflict, "login.conflict", Warning, Security, "{wwpn} at {fc_id} is claimed from elsewhere: {cause}",
		slices.Concat(loginFields, text("old_wwpn"))},
	{PortUp, "port.up", Info, Port, "port {name} has a link", nameFields},
	{PortDown, "port.down", Error, Port, "port {name} lost its link", nameFields},
	{ServiceUp, "service.up", Info, Service, "service {name} is usable", nameFields},
	{ServiceDown, "service.down", Error, Service, "service {name} is not usable", nameFields},
	{PolicyApplied, "policy.applied", Notice, Policy, "policy {policy} is in force, generation {generation}",
		slices.Concat(text("name", "policy"), number("generation"))},
	{PolicyInstalled, "policy.installed", Notice, Policy, "revision {revision} is active", revisionFields},
	{PolicyConfirmed, "policy.confirmed", Notice, Policy, "revision {revision} is confirmed, and on disk", revisionFields},
	{PolicyReverted, "policy.reverted", Warning, Policy, "revision {revision} was taken back: revision {confirmed} is active", revisionFields},
	{PolicyExpired, "policy.expired", Warning, Policy, "revision {revision} was taken back because nobody confirmed it: revision {confirmed} is active",
		revisionFields},
	{DataplaneStarted, "dataplane.started", Notice, Dataplane, "the data plane of {name} started", nameFields},
	{DataplaneStopped, "dataplane.stopped", Warning, Dataplane, "the data plane of {name} ended in good order", nameFields},
	{LcoreStalled, "lcore.stalled", Error, Dataplane, "lcore {index} does not poll", nameFields},
	{LcoreResumed, "lcore.resumed", Warning, Dataplane, "lcore {index} polls again after {away_ms} ms", slices.Concat(nameFields, number("away_ms"))},

	{FlowFailed, "flow.failed", Warning, Flow, "{s_id} to {d_id} lost service {service}: {state}", verdictFields},
	{FlowRecovered, "flow.recovered", Notice, Flow, "{s_id} to {d_id} has service {service} back", verdictFields},
	{RoleStarted, "role.started", Info, Role, "role {role} runs", roleFields},
	{RoleStopped, "role.stopped", Notice, Role, "role {role} stopped", roleFields},
	{RoleFailed, "role.failed", Error, Role, "role {role} failed: {error}", slices.Concat(roleFields, text("error"), number("restarts"))},
	{ProcessStarted, "process.started", Info, Role, "process {pid} began with the roles {roles}", slices.Concat(number("pid"), text("version", "roles"))},
	{ProcessStopped, "process.stopped", Notice, Role, "process {pid} ended", slices.Concat(number("pid"), text("version", "roles"))},
	{ClockStepped, "clock.stepped", Warning, Role, "the wall clock was set by {by_ms} ms", number("by_ms")},
	{DatabaseUnavailable, "database.unavailable", Error, Database, "the database is away: {error}", text("error", "kind")},
	{DatabaseAvailable, "database.available", Notice, Database, "the database is back after {away_ms} ms", number("away_ms", "waiting")},
	{DatabaseFailedOver, "database.failed_over", Warning, Database, "another database server writes now: timeline {timeline}, {offered} events offered again",
		slices.Concat(text("system"), number("timeline"), text("old_system"), number("old_timeline", "offered"))},
	{DatabaseMigrated, "database.migrated", Notice, Database, "the schema is version {version}, it was {old_version}", number("version", "old_version")},
	{AlarmRaised, "alarm.raised", Warning, Alarms, "alarm {code} {subject}: {title}", alarmFields},
	{AlarmCleared, "alarm.cleared", Notice, Alarms, "alarm {code} {subject} is over: {title}", alarmFields},
	{LogGap, "log.gap", Error, Log, "{lost} events of producer {producer} found the ring full", slices.Concat(number("producer", "lost"), times("since"))},
	{LogLost, "log.lost", Critical, Log, "events {first} to {last} are lost: no database and no spool has them", number("first", "last")},
	{LogDamaged, "log.damaged", Critical, Log, "an event was damaged in the spool", number("index")},
	{LogRenumber, "log.renumbered", Warning, Log, "events {first} to {last} got numbers higher by {by}: the database had others of these numbers",
		number("first", "last", "by")},
	{LogDuplicate, "log.duplicate", Warning, Log, "an event came a second time and is event {of}", number("of")},
	{LogUnknown, "log.unknown", Notice, Log, "an event of type {type}, which this version does not know", slices.Concat(number("type"), text("raw"))},
	{SpoolFull, "spool.full", Critical, Log, "the spool of events was full for {away_ms} ms", number("away_ms", "bytes")},
	{SpoolFailed, "spool.failed", Critical, Log, "the spool of events could not be written for {away_ms} ms: {error}", slices.Concat(number("away_ms"), text("error"))},
	{SpoolReady, "spool.ready", Info, Log, "the spool of events was opened with {events} events, {cut} torn bytes were cut",
		number("events", "cut", "damaged")},

	{AuditWrite, "audit.write", Notice, Audit, "{who} did {action} {object}", auditFields},
	{AuditRefused, "audit.refused", Warning, Audit, "{who} was refused {action} {object}: {code}", auditFields},
	{AuditFailed, "audit.failed", Error, Audit, "{action} {object} of {who} failed: {code}", auditFields},
	{AuditSummary, "audit.summary", Warning, Audit, "{count} more attempts from {address} were refused: {code}",
		slices.Concat(number("count"), text("address", "code"), times("since"))},
	{SignIn, "audit.sign_in", Info, Audit, "{who} signed in from {address}", auditFields},
	{SignInFailed, "audit.sign_in_failed", Warning, Audit, "somebody at {address} could not sign in as {who}: {code}", auditFields},
	{SignOut, "audit.sign_out", Info, Audit, "{who} signed out", auditFields},
	{LockedOut, "audit.locked_out", Warning, Audit, "sign-in as {who} from {address} waits {wait_s} s after {failures} failures",
		slices.Concat(text("who", "address"), number("wait_s", "failures"))},
	{TokenMisused, "audit.token_misused", Error, Audit, "a token of {who} was sent from {address}, where it does not belong", auditFields},
	{SetUp, "audit.set_up", Notice, Audit, "{who} is the first administrator", auditFields},
	{ChangeLocked, "change.locked", Info, Policy, "{by} edits the configuration", changeFields},
	{ChangeUnlocked, "change.unlocked", Info, Policy, "{by} edits the configuration no more", changeFields},
	{ChangeTakenOver, "change.taken_over", Warning, Policy, "{by} took the configuration's lock from {from}", slices.Concat(changeFields, text("from"))},
	{ChangeDiscarded, "change.discarded", Notice, Policy, "{by} discarded {edits} edits of the configuration", slices.Concat(changeFields, number("edits"))},
	{ChangeApplied, "change.applied", Notice, Policy, "{by} applied revision {revision}, to be confirmed in {window_s} s",
		slices.Concat(changeFields, text("policy"), number("window_s"))},
	{ChangeConfirmed, "change.confirmed", Notice, Policy, "revision {revision} was confirmed by {by}", changeFields},
	{ChangeReverted, "change.reverted", Warning, Policy, "revision {revision} was taken back by {by}", changeFields},
	{ChangeExpired, "change.expired", Warning, Policy, "revision {revision} was taken back: nobody confirmed it in time", changeFields},
	{ChangeFailed, "change.failed", Error, Policy, "revision {revision} was not taken: {why}", changeFields},
	{ChangeAdopted, "change.adopted", Warning, Policy, "the data plane decides by a policy that was not applied here: it is revision {revision} now",
		slices.Concat(changeFields, text("policy"))},
	{ChangeDrift, "change.drift", Error, Policy, "the data plane decides by revision {revision}, and revision {expected} was confirmed",
		slices.Concat(changeFields, number("expected"))},
	{ChangeDriftOver, "change.drift_over", Notice, Policy, "the data plane decides by what was confirmed, revision {revision}", changeFields},
	{ChangeRestored, "change.restored", Notice, Policy, "{by} made revision {revision} the pending configuration", changeFields},
	{CaptureStarted, "capture.started", Notice, Operation, "{who} started capture {id}", text("id", "who")},
	{CaptureEnded, "capture.ended", Info, Operation, "capture {id} of {who} ended with {frames} frames: {why}",
		slices.Concat(text("id", "who", "why"), number("frames", "bytes", "missed"))},
	{JobStarted, "job.started", Info, Operation, "job {job} ({kind}) of {who} began", text("job", "kind", "who")},
	{JobEnded, "job.ended", Notice, Operation, "job {job} ({kind}) of {who} is {state}", text("job", "kind", "who", "state", "code", "error")},
	{BackupMade, "backup.made", Notice, Operation, "backup {backup} was made, {bytes} bytes", slices.Concat(text("backup", "who"), number("bytes", "records"))},
	{BackupRestored, "backup.restored", Warning, Operation, "{who} restored from backup {backup}: {parts}",
		slices.Concat(text("backup", "who", "parts"), number("records"))},
	{AlarmAcknowledged, "alarm.acknowledged", Notice, Alarms, "{who} acknowledged alarm {code} {subject}", text("code", "subject", "note", "who")},
	{AlarmMuted, "alarm.muted", Notice, Alarms, "{who} muted alarms until {until}: {reason}", muteFields},
	{AlarmUnmuted, "alarm.unmuted", Notice, Alarms, "mute {mute} ended", muteFields},
	{AlarmHeard, "alarm.heard", Warning, Alarms, "alarm {code} {subject} is muted no more: {title}", alarmFields},
	{WebhookFailing, "webhook.failing", Warning, Operation, "webhook {webhook} does not take events: {error}", hookFields},
	{WebhookRecovered, "webhook.recovered", Notice, Operation, "webhook {webhook} takes events again", hookFields},
	{WebhookGaveUp, "webhook.gave_up", Error, Operation, "webhook {webhook} did not take event {event}", hookFields},
	{PeerConnected, "peer.connected", Notice, Peers, "node {peer} is connected", peerFields},
	{PeerDisconnected, "peer.disconnected", Warning, Peers, "node {peer} is not connected any more: {why}", peerFields},
	{PeerSynced, "peer.synced", Notice, Peers, "what {peer} says of itself is known here", peerFields},
	{PeerDiverged, "peer.diverged", Error, Peers, "what is known here of {origin} was not what {peer} has: {why}", slices.Concat(peerFields, text("origin"))},
	{PeerRepaired, "peer.repaired", Notice, Peers, "what is known here of {origin} is again what {peer} has: {why}", slices.Concat(peerFields, text("origin"))},
	{PeerRefused, "peer.refused", Warning, Security, "a connection from {address} was refused: {why}", peerFields},
	{PeerDuplicate, "peer.duplicate_node", Error, Security, "another node calls itself {peer} too: {why}", peerFields},
	{PeerRestarted, "peer.restarted", Notice, Peers, "node {peer} began anew", peerFields},
	{PeerJoined, "peer.joined", Warning, Security, "node {peer} joined the cluster from {address}", peerFields},
	{PeerCertificates, "peer.certificates", Notice, Security, "{why}", peerFields},
	{PairReady, "pair.ready", Notice, Peers, "this node could take over for {peer}", peerFields},
	{PairNotReady, "pair.not_ready", Warning, Peers, "this node could not take over for {peer}: {why}", peerFields},
	{PairTakeover, "pair.takeover", Critical, Peers, "this node took over from {peer}, epoch {epoch}", pairFields},
	{PairHandover, "pair.handover", Warning, Peers, "{who} had this node hand over to {peer}, epoch {epoch}", slices.Concat(pairFields, text("who"))},
	{PairStandby, "pair.standby", Notice, Peers, "this node is the standby of {peer}, epoch {epoch}", pairFields},
	{ClusterCommitted, "cluster.committed", Notice, Policy, "all nodes that take part decide by version {version}", clusterFields},
	{ClusterFollowed, "cluster.followed", Notice, Policy, "this node decides by version {version} of {peer}", clusterFields},
	{ClusterBranched, "cluster.branched", Error, Policy, "version {version}, applied here while nodes were apart, gave way to {for} of {peer}: it is kept as a branch",
		slices.Concat(clusterFields, text("for"))},
	{ClusterOverruled, "cluster.overruled", Warning, Policy, "version {version} was made without {without}", slices.Concat(clusterFields, text("without"))},
}

// Lookup is the entry of a type, nil when there is none.
func Lookup(t Type) *Entry {
	i, ok := slices.BinarySearchFunc(catalogue, t, func(e Entry, t Type) int { return int(e.Type) - int(t) })
	if !ok {
		return nil
	}
	return &catalogue[i]
}

// ByName is the entry of a name, nil when there is none.
func ByName(name string) *Entry {
	for i := range catalogue {
		if catalogue[i].Name == name {
			return &catalogue[i]
		}
	}
	return nil
}

// Named gives the types of a name, or of its first part: flow for all that begin with "flow.".
func Named(name string) (types []Type) {
	for _, e := range catalogue {
		if e.Name == name || strings.HasPrefix(e.Name, name+".") {
			types = append(types, e.Type)
		}
	}
	return types
}

// Catalogue is every type, by number. It must not be changed.
func Catalogue() []Entry { return catalogue }
