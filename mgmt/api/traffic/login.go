package traffic

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
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

// loginKey is the place of a login in an order: a text, a number, or neither; then its address.
type loginKey struct {
	Text    string     `json:"t,omitempty"`
	Number  int64      `json:"n,omitempty"`
	Address login.Addr `json:"a"`
}

func (k loginKey) compare(than loginKey) int {
	return cmp.Or(strings.Compare(k.Text, than.Text), cmp.Compare(k.Number, than.Number), cmp.Compare(k.Address, than.Address))
}

// found is a login that a filter selects.
type found struct {
	key   loginKey
	login *login.Login
}

// listLogins selects first and writes out only the page: the table may have a hundred thousand.
func (n *noun) listLogins(_ context.Context, in *loginsInput) (*rest.List[Login], error) {
	field, down, err := in.By("address", "name", "port", "role", "first_seen", "last_seen")
	if err != nil {
		return nil, err
	}
	filter := fmt.Sprintf("%s %v %v %v %q %s %s %q %q", field, down, in.Fabric, in.VSAN, in.WWPN, in.Role, in.State, in.Port, in.Text)
	var after *loginKey
	if in.Cursor != "" {
		after = &loginKey{}
		if err := n.api.Cursor.Decode(in.Cursor, filter, after); err != nil {
			return nil, err
		}
	}
	return look(n.Live, func(s *attach.Segment) (*rest.List[Login], error) {
		names, ports := n.names(s.State), shm.Items[shm.PortInfo](s.State, shm.RegionPorts)
		all, err := n.selectLogins(s.State, in, field, names, ports)
		if err != nil {
			return nil, err
		}
		page, more := top(all, in.Limit, down, after)
		items := make([]Login, len(page))
		for i, one := range page {
			items[i] = loginOf(one.login, names, ports)
		}
		next := ""
		if more {
			next = n.api.Cursor.Encode(page[len(page)-1].key, filter)
		}
		return rest.Some(items, next).Of(len(all)), nil
	})
}

// top gives the first of a list in an order, behind a place in it, and says whether there are more.
func top(all []found, limit int, down bool, after *loginKey) (page []found, more bool) {
	order := func(a, b found) int {
		if down {
			a, b = b, a
		}
		return a.key.compare(b.key)
	}
	page = make([]found, 0, 2*limit+1)
	for _, one := range all {
		if after != nil && order(one, found{key: *after}) <= 0 || len(page) > limit && more && order(one, page[limit]) >= 0 {
			continue
		}
		if page = append(page, one); len(page) == cap(page) { // the half that is behind goes
			slices.SortFunc(page, order)
			page, more = page[:limit+1], true
		}
	}
	slices.SortFunc(page, order)
	if len(page) <= limit {
		return page, false
	}
	return page[:limit], true
}

// selectLogins gives those that a filter selects, in no order.
func (n *noun) selectLogins(f *shm.File, in *loginsInput, field string, names namer, ports []shm.PortInfo) ([]found, error) {
	table, err := n.table.look(f)
	if err != nil {
		return nil, problem.Wrap(problem.DataplaneUnavailable, err, "The table of logins cannot be read.")
	}
	var wwpn frame.WWN
	if in.WWPN != "" {
		var ok bool
		if wwpn, ok = names.wwpn(in.WWPN); !ok {
			return nil, problem.New(problem.BadFilter, "").At("query/wwpn", "names no alias or WWPN")
		}
	}
	text := strings.ToLower(in.Text)
	all := make([]found, 0, len(table))
	for i := range table {
		l := &table[i]
		if in.Fabric.Set && l.Addr.Fabric() != in.Fabric.Value || in.VSAN.Set && l.Addr.VF() != in.VSAN.Value || wwpn != 0 && l.WWPN != wwpn ||
			in.Role != "" && l.Role() != in.Role || in.State != "" && l.State.String() != in.State || in.Port != "" && portOf(l, ports) != in.Port ||
			text != "" && !strings.Contains(strings.ToLower(names.alias(l.WWPN)), text) && !strings.Contains(l.WWPN.String(), text) {
			continue
		}
		key := loginKey{Address: l.Addr}
		switch field {
		case "name":
			key.Text = cmp.Or(names.alias(l.WWPN), l.WWPN.String())
		case "port":
			key.Text = portOf(l, ports)
		case "role":
			key.Text = l.Role()
		case "first_seen":
			key.Number = l.FirstSeen
		case "last_seen":
			key.Number = l.LastSeen
		}
		all = append(all, found{key, l})
	}
	return all, nil
}

// loginTable is a copy of the table of logins, shared by whoever asks within a second.
type loginTable struct {
	mu    sync.Mutex // guards what follows
	from  *shm.File
	at    time.Time
	table []login.Login // not changed any more
}

func (t *loginTable) look(f *shm.File) ([]login.Login, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.from == f && time.Since(t.at) < tableAge {
		return t.table, nil
	}
	view, err := login.NewView(f.Bytes(shm.RegionLogins))
	if err != nil {
		return nil, err
	}
	t.from, t.at, t.table = f, time.Now(), slices.AppendSeq(make([]login.Login, 0, view.Len()), view.All())
	return t.table, nil
}

func portOf(l *login.Login, ports []shm.PortInfo) string {
	if int(l.Port) < len(ports) {
		return shm.Text(ports[l.Port].Name[:])
	}
	return ""
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
	one.Port = portOf(l, ports)
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
