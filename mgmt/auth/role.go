package auth

// Role says what an account or a token may do.
type Role string

// The roles. Viewer is below all others, Admin above all; Operator and PolicyAdmin are beside each other.
const (
	Viewer      Role = "viewer"       // looks
	Operator    Role = "operator"     // runs the appliance: roles, captures, alarms, flows
	PolicyAdmin Role = "policy-admin" // decides what is redirected
	Admin       Role = "admin"        // everything
)

// Roles gives all of them.
func Roles() []Role { return []Role{Viewer, Operator, PolicyAdmin, Admin} }

// Valid says whether there is such a role.
func (r Role) Valid() bool { return byRole[r] != nil }

// May says whether the role allows it. A role that is none allows nothing, not even Open.
func (r Role) May(p Permission) bool { return byRole[r][p] }

// Includes says whether whoever has r may give away other.
func (r Role) Includes(other Role) bool {
	return r.Valid() && other.Valid() && (r == other || r == Admin || other == Viewer)
}

// Meet is the highest role that both include: what a token of one role is worth when its owner has the other.
func (r Role) Meet(other Role) Role {
	switch {
	case r.Includes(other):
		return other
	case other.Includes(r):
		return r
	case r.Valid() && other.Valid():
		return Viewer
	}
	return ""
}
