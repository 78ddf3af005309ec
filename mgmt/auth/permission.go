package auth

import "slices"

// Permission is what an operation asks of whoever calls it.
type Permission string

// The permissions. Open and Self... are not tied to a role.
const (
	Open Permission = "open"

	SelfRead  Permission = "self.read"
	SelfWrite Permission = "self.write"
	SelfToken Permission = "self.token"

	PortRead       Permission = "port.read"
	PortWrite      Permission = "port.write"
	LoginRead      Permission = "login.read"
	AliasRead      Permission = "alias.read"
	AliasWrite     Permission = "alias.write"
	SetRead        Permission = "set.read"
	SetWrite       Permission = "set.write"
	FlowRead       Permission = "flow.read"
	FlowWrite      Permission = "flow.write"
	PolicyRead     Permission = "policy.read"
	PolicyWrite    Permission = "policy.write"
	ServiceRead    Permission = "service.read"
	ServiceWrite   Permission = "service.write"
	ChangeRead     Permission = "change.read"
	ChangeWrite    Permission = "change.write"
	ChangeApply    Permission = "change.apply"
	ChangeTakeover Permission = "change.takeover"
	RoleRead       Permission = "role.read"
	RoleControl    Permission = "role.control"
	RingRead       Permission = "ring.read"
	LcoreRead      Permission = "lcore.read"
	AlarmRead      Permission = "alarm.read"
	AlarmWrite     Permission = "alarm.write"
	WebhookRead    Permission = "webhook.read"
	WebhookWrite   Permission = "webhook.write"
	EventRead      Permission = "event.read"
	AuditRead      Permission = "audit.read"
	StatisticsRead Permission = "statistics.read"
	CaptureRead    Permission = "capture.read"
	CaptureStart   Permission = "capture.start"
	PeerRead       Permission = "peer.read"
	PeerWrite      Permission = "peer.write"
	UserRead       Permission = "user.read"
	UserWrite      Permission = "user.write"
	SessionRead    Permission = "session.read"
	SessionWrite   Permission = "session.write"
	TokenRead      Permission = "token.read"
	TokenWrite     Permission = "token.write"
	JobRead        Permission = "job.read"
	JobWrite       Permission = "job.write"
	BackupRead     Permission = "backup.read"
	BackupWrite    Permission = "backup.write"
	BundleRead     Permission = "bundle.read"
	BundleWrite    Permission = "bundle.write"
	SystemRead     Permission = "system.read"
	SystemWrite    Permission = "system.write"
	StreamRead     Permission = "stream.read"
	MetricsRead    Permission = "metrics.read"
)

// Grant declares a permission.
type Grant struct {
	Permission Permission
	Text       string // what it allows, one line
	Roles      []Role // who has it; admin has all. Empty for Open, which needs nobody
}

// Who has what, in words of the catalogue.
var (
	everybody = []Role{Viewer, Operator, PolicyAdmin, Admin}
	operators = []Role{Operator, Admin}
	policies  = []Role{PolicyAdmin, Admin}
	admins    = []Role{Admin}
)

// catalogue has every permission once.
var catalogue = []Grant{
	{Open, "Needs nobody to be signed in.", nil},
	{SelfRead, "See one's own account, sessions and tokens.", everybody},
	{SelfWrite, "Change one's own password, end one's own sessions.", everybody},
	{SelfToken, "Make and revoke one's own tokens, of a role not above one's own.", everybody},
	{PortRead, "See ports, their counters and errors.", everybody},
	{PortWrite, "Set the baseline of a port's counters.", operators},
	{LoginRead, "See who is logged in to the fabric.", everybody},
	{AliasRead, "See aliases.", everybody},
	{AliasWrite, "Edit aliases in the pending configuration.", policies},
	{SetRead, "See sets.", everybody},
	{SetWrite, "Edit sets in the pending configuration.", policies},
	{FlowRead, "See flows, their counters and what policy decides about them.", everybody},
	{FlowWrite, "Create flows ahead of their first frame, and delete them.", operators},
	{PolicyRead, "See policies and what they would decide.", everybody},
	{PolicyWrite, "Edit policies in the pending configuration.", policies},
	{ServiceRead, "See services, their instances and health.", everybody},
	{ServiceWrite, "Edit services in the pending configuration.", policies},
	{ChangeRead, "See the pending, the active and former configurations.", everybody},
	{ChangeWrite, "Lock, edit and discard the pending configuration.", policies},
	{ChangeApply, "Apply, confirm and revert a configuration.", policies},
	{ChangeTakeover, "Take the lock of the configuration from its owner.", policies},
	{RoleRead, "See the roles of the daemon.", everybody},
	{RoleControl, "Start, stop and restart roles of the daemon.", operators},
	{RingRead, "See rings and queues.", everybody},
	{LcoreRead, "See lcores.", everybody},
	{AlarmRead, "See alarms.", everybody},
	{AlarmWrite, "Acknowledge and mute alarms.", operators},
	{WebhookRead, "See webhooks, without their secrets.", operators},
	{WebhookWrite, "Edit webhooks.", admins},
	{EventRead, "See events, but for the audit log.", everybody},
	{AuditRead, "See the audit log.", admins},
	{StatisticsRead, "See statistics and samples.", everybody},
	{CaptureRead, "See and download captures, which hold what hosts and storage exchanged.", operators},
	{CaptureStart, "Start, stop and delete captures.", operators},
	{PeerRead, "See peers.", everybody},
	{PeerWrite, "Hand over to a peer.", admins},
	{UserRead, "See all accounts.", admins},
	{UserWrite, "Edit accounts.", admins},
	{SessionRead, "See all sessions.", admins},
	{SessionWrite, "End anybody's session.", admins},
	{TokenRead, "See all tokens, without their secrets.", admins},
	{TokenWrite, "Make tokens that do not expire, revoke anybody's.", admins},
	{JobRead, "See jobs.", everybody},
	{JobWrite, "Cancel jobs.", operators},
	{BackupRead, "Download backups.", admins},
	{BackupWrite, "Make, delete and restore backups.", admins},
	{BundleRead, "Download support bundles.", admins},
	{BundleWrite, "Make and delete support bundles.", admins},
	{SystemRead, "See the system: version, state, certificate.", everybody},
	{SystemWrite, "Replace the certificate of HTTPS.", admins},
	{StreamRead, "Follow the live stream; what comes on it needs its own permission.", everybody},
	{MetricsRead, "Read metrics.", everybody},
}

var byRole = func() map[Role]map[Permission]bool {
	roles := map[Role]map[Permission]bool{}
	for _, r := range Roles() {
		roles[r] = map[Permission]bool{}
		for _, g := range catalogue {
			roles[r][g.Permission] = g.Permission == Open || slices.Contains(g.Roles, r)
		}
	}
	return roles
}()

// Permissions is the catalogue. It must not be changed.
func Permissions() []Grant { return catalogue }

// Known says whether a permission is in the catalogue.
func Known(p Permission) bool {
	return slices.ContainsFunc(catalogue, func(g Grant) bool { return g.Permission == p })
}
