package traffic

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Login is an N_Port that is logged in.
type Login struct {
	Fabric    uint8     `json:"fabric"`
	VSAN      uint16    `json:"vsan" doc:"VSAN or VLAN; 0 is untagged."`
	FCID      string    `json:"fc_id" example:"0x010203"`
	WWPN      string    `json:"wwpn" example:"20:00:00:25:5b:00:00:01"`
	WWNN      string    `json:"wwnn,omitempty"`
	Alias     string    `json:"alias,omitempty"`
	MAC       string    `json:"mac,omitempty"`
	Port      string    `json:"port,omitempty" doc:"The port on which its frames come in; absent while that is not known."`
	Role      string    `json:"role" enum:"initiator,target,both,unknown"`
	Functions []string  `json:"functions" doc:"What it claims to be, by PRLI."`
	State     string    `json:"state" enum:"none,live,suspect,removed,unknown"`
	Contested bool      `json:"contested" doc:"Somebody else uses its WWPN, or tried to take its address."`
	FirstSeen time.Time `json:"first_seen"`
	LastSeen  time.Time `json:"last_seen"`
}

type loginsInput struct {
	rest.Page
	Fabric Optional[uint8]  `query:"fabric" maximum:"15" doc:"0 to 15."`
	VSAN   Optional[uint16] `query:"vsan" maximum:"4095" doc:"0 to 4095; 0 is untagged."`
	WWPN   string           `query:"wwpn" maxLength:"256" doc:"A WWPN in any spelling, or an alias."`
	Role   string           `query:"role" enum:"initiator,target,both,unknown"`
	State  string           `query:"state" enum:"live,suspect,removed"`
	Port   string           `query:"port" maxLength:"64" doc:"The port on which its frames come in."`
	Text   string           `query:"text" maxLength:"256" doc:"Part of an alias or a WWPN."`
}

func (n *noun) logins(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-logins", Method: http.MethodGet, Path: "/api/v1/logins", Tag: "login", Permission: auth.LoginRead, Summary: "Who is logged in to the fabric",
		Description: "Sorted by `address` (fabric, VSAN, FC_ID), `name` (alias, else WWPN), `port`, `role`, `first_seen` or `last_seen`.",
		Errors:      append(away, problem.BadCursor, problem.BadFilter),
	}, n.listLogins)
}

// namer gives aliases; without a policy none.
type namer struct{ *policy.Snapshot }

func (p namer) alias(w frame.WWN) string {
	if p.Snapshot == nil || w == 0 {
		return ""
	}
	return p.AliasOf(w)
}

// wwpn is what a text names.
func (p namer) wwpn(text string) (frame.WWN, bool) {
	if w, err := frame.ParseWWN(text); err == nil {
		return w, w != 0
	}
	if p.Snapshot == nil {
		return 0, false
	}
	return p.Lookup(text)
}

func (n *noun) listLogins(_ context.Context, in *loginsInput) (*rest.List[Login], error) {
	field, down, err := in.By("address", "name", "port", "role", "first_seen", "last_seen")
	if err != nil {
		return nil, err
	}
	all, err := look(n.Live, func(s *attach.Segment) ([]Login, error) { return n.selectLogins(s.State, in) })
	if err != nil {
		return nil, err
	}
	key := func(l *Login) string {
		address := fmt.Sprintf("%02d %04d %s", l.Fabric, l.VSAN, l.FCID)
		switch field {
		case "name":
			return cmp.Or(l.Alias, l.WWPN) + " " + address
		case "port":
			return l.Port + " " + address
		case "role":
			return l.Role + " " + address
		case "first_seen":
			return number(uint64(l.FirstSeen.UnixNano())) + address
		case "last_seen":
			return number(uint64(l.LastSeen.UnixNano())) + address
		}
		return address
	}
	sortBy(all, down, key)
	filter := fmt.Sprintf("%s %v %v %v %q %s %s %q %q", field, down, in.Fabric, in.VSAN, in.WWPN, in.Role, in.State, in.Port, in.Text)
	return rest.Cut(n.api.Cursor, in.Page, filter, all, down, key)
}

// selectLogins reads those that a filter selects, in no order.
func (n *noun) selectLogins(f *shm.File, in *loginsInput) ([]Login, error) {
	view, err := login.NewView(f.Bytes(shm.RegionLogins))
	if err != nil {
		return nil, problem.Wrap(problem.DataplaneUnavailable, err, "The table of logins cannot be read.")
	}
	names, ports := n.names(f), shm.Items[shm.PortInfo](f, shm.RegionPorts)
	var wwpn frame.WWN
	if in.WWPN != "" {
		var ok bool
		if wwpn, ok = names.wwpn(in.WWPN); !ok {
			return nil, problem.New(problem.BadFilter, "").At("query/wwpn", "names no alias or WWPN")
		}
	}
	text := strings.ToLower(in.Text)
	var all []Login
	for l := range view.All() {
		if in.Fabric.Set && l.Addr.Fabric() != in.Fabric.Value || in.VSAN.Set && l.Addr.VF() != in.VSAN.Value || wwpn != 0 && l.WWPN != wwpn ||
			in.Role != "" && l.Role() != in.Role || in.State != "" && l.State.String() != in.State {
			continue
		}
		one := loginOf(&l, names, ports)
		if in.Port != "" && one.Port != in.Port || text != "" && !strings.Contains(strings.ToLower(one.Alias), text) && !strings.Contains(one.WWPN, text) {
			continue
		}
		all = append(all, one)
	}
	return all, nil
}

func loginOf(l *login.Login, names namer, ports []shm.PortInfo) Login {
	one := Login{
		Fabric: l.Addr.Fabric(), VSAN: l.Addr.VF(), FCID: l.Addr.ID().String(), WWPN: l.WWPN.String(), Alias: names.alias(l.WWPN), Role: l.Role(),
		Functions: l.Claimed.Names(), State: l.State.String(), Contested: l.Flags&login.Contested != 0, FirstSeen: time.Unix(0, l.FirstSeen).UTC(),
		LastSeen: time.Unix(0, l.LastSeen).UTC(),
	}
	if l.WWNN != 0 {
		one.WWNN = l.WWNN.String()
	}
	if !l.MAC.IsZero() {
		one.MAC = l.MAC.String()
	}
	if int(l.Port) < len(ports) {
		one.Port = shm.Text(ports[l.Port].Name[:])
	}
	return one
}

// sortBy sorts by a key that is made once for each.
func sortBy[T any](all []T, down bool, key func(*T) string) {
	type keyed struct {
		key string
		at  int
	}
	keys := make([]keyed, len(all))
	for i := range all {
		keys[i] = keyed{key(&all[i]), i}
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		if down {
			a, b = b, a
		}
		return strings.Compare(a.key, b.key)
	})
	sorted := make([]T, len(all))
	for i, k := range keys {
		sorted[i] = all[k.at]
	}
	copy(all, sorted)
}
