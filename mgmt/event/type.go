package event

import (
	"fmt"

	"fcredirect/dataplane/feed"
)

// Type is the number of an event's type. Those below FirstOwn are the data plane's (feed.Type).
type Type uint16

// FirstOwn is the first number that is not the data plane's.
const FirstOwn Type = 1024

// The data plane's types.
const (
	FlowCreated      = Type(feed.FlowCreated)
	FlowVerdict      = Type(feed.FlowVerdict)
	FlowEnded        = Type(feed.FlowEnded)
	LoginUp          = Type(feed.LoginUp)
	LoginChanged     = Type(feed.LoginChanged)
	LoginDown        = Type(feed.LoginDown)
	LoginConflict    = Type(feed.LoginConflict)
	PortUp           = Type(feed.PortUp)
	PortDown         = Type(feed.PortDown)
	ServiceUp        = Type(feed.ServiceUp)
	ServiceDown      = Type(feed.ServiceDown)
	PolicyApplied    = Type(feed.PolicyApplied)
	PolicyInstalled  = Type(feed.PolicyInstalled)
	PolicyConfirmed  = Type(feed.PolicyConfirmed)
	PolicyReverted   = Type(feed.PolicyReverted)
	PolicyExpired    = Type(feed.PolicyExpired)
	DataplaneStarted = Type(feed.DataplaneStarted)
	DataplaneStopped = Type(feed.DataplaneStopped)
	LcoreStalled     = Type(feed.LcoreStalled)
	LcoreResumed     = Type(feed.LcoreResumed)
)

// Our own types. They lie in the log for ever: append only, and never give a number a new meaning.
const (
	FlowFailed    Type = 1024 // what the data plane tells as FlowVerdict, when the flow lost its service
	FlowRecovered Type = 1025 // and when it has it back

	RoleStarted Type = 1040
	RoleStopped Type = 1041
	RoleFailed  Type = 1042

	ProcessStarted Type = 1056
	ProcessStopped Type = 1057
	ClockStepped   Type = 1058

	DatabaseUnavailable Type = 1072
	DatabaseAvailable   Type = 1073
	DatabaseFailedOver  Type = 1074
	DatabaseMigrated    Type = 1075

	AlarmRaised  Type = 1088
	AlarmCleared Type = 1089

	LogGap       Type = 1104 // what the data plane tells as a gap record
	LogLost      Type = 1105
	LogDamaged   Type = 1106
	LogRenumber  Type = 1107
	LogDuplicate Type = 1108
	LogUnknown   Type = 1109
	SpoolFull    Type = 1110
	SpoolFailed  Type = 1111
	SpoolReady   Type = 1112

	AuditWrite   Type = 1120 // 1120 to 1135: who did what, or was refused (mgmt/audit)
	AuditRefused Type = 1121
	AuditFailed  Type = 1122
	AuditSummary Type = 1123
	SignIn       Type = 1124
	SignInFailed Type = 1125
	SignOut      Type = 1126
	LockedOut    Type = 1127
	TokenMisused Type = 1128
	SetUp        Type = 1129

	ChangeLocked    Type = 1136 // 1136 to 1151: change control (mgmt/change)
	ChangeUnlocked  Type = 1137
	ChangeTakenOver Type = 1138
	ChangeDiscarded Type = 1139
	ChangeApplied   Type = 1140
	ChangeConfirmed Type = 1141
	ChangeReverted  Type = 1142
	ChangeExpired   Type = 1143
	ChangeFailed    Type = 1144
	ChangeAdopted   Type = 1145
	ChangeDrift     Type = 1146
	ChangeDriftOver Type = 1147
	ChangeRestored  Type = 1148

	CaptureStarted Type = 1152
	CaptureEnded   Type = 1153

	JobStarted        Type = 1160
	JobEnded          Type = 1161
	BackupMade        Type = 1162
	BackupRestored    Type = 1163
	AlarmAcknowledged Type = 1164
	AlarmMuted        Type = 1165
	AlarmUnmuted      Type = 1166
	AlarmHeard        Type = 1167 // an alarm that was muted when it was raised is muted no more

	WebhookFailing   Type = 1168
	WebhookRecovered Type = 1169
	WebhookGaveUp    Type = 1170

	PeerConnected    Type = 1184 // 1184 to 1207: other nodes (mgmt/peer)
	PeerDisconnected Type = 1185
	PeerSynced       Type = 1186
	PeerDiverged     Type = 1187
	PeerRepaired     Type = 1188
	PeerRefused      Type = 1189
	PeerDuplicate    Type = 1190
	PeerRestarted    Type = 1191
	PeerJoined       Type = 1192
	PeerCertificates Type = 1193
	PairReady        Type = 1200
	PairNotReady     Type = 1201
	PairTakeover     Type = 1202
	PairHandover     Type = 1203
	PairStandby      Type = 1204

	ClusterCommitted Type = 1208 // 1208 to 1215: the configuration of all nodes (mgmt/cluster)
	ClusterFollowed  Type = 1209
	ClusterBranched  Type = 1210
	ClusterOverruled Type = 1211
)

// String is the type's name.
func (t Type) String() string {
	if e := Lookup(t); e != nil {
		return e.Name
	}
	return fmt.Sprintf("unknown.%d", uint16(t))
}

// Severity is how bad it is.
type Severity uint8

// The severities, mildest first. The numbers stand in the database: append only.
const (
	Info Severity = iota
	Notice
	Warning
	Error
	Critical
	numSeverities
)

var severityNames = [numSeverities]string{"info", "notice", "warning", "error", "critical"}

// String is the severity in lower case.
func (s Severity) String() string {
	if s < numSeverities {
		return severityNames[s]
	}
	return "unknown"
}

// Category groups types for filters.
type Category uint8

// The categories.
const (
	Flow Category = iota
	Login
	Policy
	Service
	Port
	Role
	Security
	Database
	Alarms
	Log
	Dataplane
	Operation
	Audit
	Peers
	numCategories
)

var categoryNames = [numCategories]string{
	"flow", "login", "policy", "service", "port", "role", "security", "database", "alarm", "log", "dataplane", "operation", "audit", "peer",
}

// String is the category in lower case.
func (c Category) String() string {
	if c < numCategories {
		return categoryNames[c]
	}
	return "unknown"
}
