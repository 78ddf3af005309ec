package operation

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/problem"
)

// Alarm is one as lists show it.
type Alarm struct {
	ID           string           `json:"id" example:"ring.blocked~store~0~lcore1"`
	Code         string           `json:"code" example:"ring.blocked"`
	Severity     string           `json:"severity" enum:"warning,major,critical"`
	State        string           `json:"state" enum:"active,flapping,suppressed,cleared"`
	Subject      string           `json:"subject,omitempty" doc:"What it is about; absent for the node." example:"store/0/lcore1"`
	Title        string           `json:"title"`
	Detail       string           `json:"detail,omitempty" doc:"What was found last."`
	Cause        string           `json:"cause"`
	Consequence  string           `json:"consequence"`
	Action       string           `json:"action" doc:"What to do about it."`
	FirstSeen    string           `json:"first_seen"`
	LastSeen     string           `json:"last_seen"`
	RaisedAt     string           `json:"raised_at,omitempty"`
	ClearedAt    string           `json:"cleared_at,omitempty"`
	Count        uint64           `json:"count" doc:"Times it was raised."`
	SuppressedBy string           `json:"suppressed_by,omitempty" doc:"The code of the alarm that explains it."`
	Acknowledged *Acknowledgement `json:"acknowledged,omitempty"`
	Muted        *Mute            `json:"muted,omitempty" doc:"Nobody outside is told of it."`
}

// Acknowledgement says who looks after an alarm.
type Acknowledgement struct {
	By   string `json:"by"`
	At   string `json:"at"`
	Note string `json:"note,omitempty"`
}

// Mute keeps alarms from being told to anybody outside.
type Mute struct {
	ID      string    `json:"id"`
	Code    string    `json:"code,omitempty" doc:"Absent: every code."`
	Subject string    `json:"subject,omitempty" doc:"With all below it. Absent: every subject."`
	Until   time.Time `json:"until"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// AlarmKind is an entry of the catalogue.
type AlarmKind struct {
	Code        string   `json:"code"`
	Severity    string   `json:"severity" enum:"warning,major,critical"`
	Title       string   `json:"title"`
	Cause       string   `json:"cause"`
	Consequence string   `json:"consequence"`
	Action      string   `json:"action"`
	DependsOn   []string `json:"depends_on" doc:"While one of these holds it is not shown."`
	RaiseS      float64  `json:"raise_s" doc:"So long it must hold before it shows."`
	ClearS      float64  `json:"clear_s" doc:"So long it must be gone before it is cleared."`
	Occurrence  bool     `json:"occurrence" doc:"It happens at once and is over; it shows until it has not happened for clear_s."`
}

func muteOf(m *alarm.Mute) *Mute {
	if m == nil {
		return nil
	}
	return &Mute{ID: m.ID, Code: string(m.Code), Subject: m.Subject, Until: m.Until, Reason: m.Reason, By: m.By, At: m.At}
}

func alarmOf(a *alarm.Alarm) Alarm {
	out := Alarm{
		ID: alarm.ID(a.Code, a.Subject), Code: string(a.Code), Severity: a.Severity.String(), State: "cleared", Subject: a.Subject, Title: a.Title, Detail: a.Detail,
		Cause: a.Cause, Consequence: a.Consequence, Action: a.Action, FirstSeen: a.FirstSeen, LastSeen: a.LastSeen, RaisedAt: a.RaisedAt, ClearedAt: a.ClearedAt,
		Count: a.Count, SuppressedBy: string(a.SuppressedBy), Muted: muteOf(a.Muted),
	}
	switch {
	case a.Flapping:
		out.State = "flapping"
	case a.Active:
		out.State = "active"
	case a.SuppressedBy != "":
		out.State = "suppressed"
	}
	if k := a.Acknowledged; k != nil {
		out.Acknowledged = &Acknowledgement{k.By, k.At, k.Note}
	}
	return out
}

type listAlarms struct {
	rest.Page
	State    []string `query:"state" maxItems:"4" enum:"active,flapping,suppressed,cleared" doc:"Only alarms in one of these states."`
	Severity string   `query:"severity" enum:"warning,major,critical" doc:"Only these, and more severe ones."`
	Code     string   `query:"code" maxLength:"64" doc:"Only alarms of this code."`
	Subject  string   `query:"subject" maxLength:"128" doc:"Only alarms about this, or what is below it."`
	Told     string   `query:"handled" enum:"yes,no" doc:"yes: acknowledged or muted ones. no: the others."`
}

type oneAlarm struct {
	ID string `path:"id" maxLength:"200" pattern:"^[a-z]+\\.[a-z-]+(~[A-Za-z0-9._:-]+)*$" doc:"The alarm's id." example:"ring.blocked~store~0~lcore1"`
}

type acknowledgeAlarm struct {
	ID   string `path:"id" maxLength:"200" pattern:"^[a-z]+\\.[a-z-]+(~[A-Za-z0-9._:-]+)*$" doc:"The alarm's id." example:"ring.blocked~store~0~lcore1"`
	Body struct {
		Note string `json:"note,omitempty" maxLength:"400"`
	}
}

var alarmErrors = []problem.Code{problem.NotFound, problem.RoleUnavailable}

func (n *noun) alarms(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-alarms", Method: http.MethodGet, Path: root + "alarms", Tag: "alarm", Permission: auth.AlarmRead, Summary: "What is wrong, and what to do about it",
		Errors: []problem.Code{problem.BadCursor, problem.RoleUnavailable}, Description: "The most urgent first: active before suppressed before cleared, the most severe first, the newest first.",
	}, n.listAlarms)
	rest.Register(a, rest.Operation{
		ID: "list-alarm-kinds", Method: http.MethodGet, Path: root + "alarms/catalogue", Tag: "alarm", Permission: auth.AlarmRead, Summary: "Every alarm that there can be",
	}, func(context.Context, *struct{}) (*rest.List[AlarmKind], error) {
		return rest.Some(alarmKinds(), "").Of(len(alarm.Catalogue)), nil
	})
	rest.Register(a, rest.Operation{
		ID: "get-alarm", Method: http.MethodGet, Path: root + "alarms/{id}", Tag: "alarm", Permission: auth.AlarmRead, Errors: alarmErrors, Summary: "One alarm",
	}, n.getAlarm)
	rest.Register(a, rest.Operation{
		ID: "acknowledge-alarm", Method: http.MethodPost, Path: root + "alarms/{id}/acknowledge", Tag: "alarm", Permission: auth.AlarmWrite, Audit: "alarm.acknowledge",
		Status: http.StatusOK, Errors: alarmErrors, Summary: "Say that somebody looks after an alarm", Description: "It ends with the alarm. An alarm that is not active has nothing to acknowledge.",
	}, func(ctx context.Context, in *acknowledgeAlarm) (*rest.Item[Alarm], error) {
		return n.tellMonitor(ctx, in.ID, monitor.MethodAcknowledge, in.Body.Note)
	})
	rest.Register(a, rest.Operation{
		ID: "unacknowledge-alarm", Method: http.MethodPost, Path: root + "alarms/{id}/unacknowledge", Tag: "alarm", Permission: auth.AlarmWrite,
		Audit: "alarm.unacknowledge", Status: http.StatusOK, Errors: alarmErrors, Summary: "Take an acknowledgement back",
	}, func(ctx context.Context, in *oneAlarm) (*rest.Item[Alarm], error) {
		return n.tellMonitor(ctx, in.ID, monitor.MethodUnacknowledge, "")
	})
}

func alarmKinds() (all []AlarmKind) {
	for _, e := range alarm.Catalogue {
		k := AlarmKind{
			Code: string(e.Code), Severity: e.Severity.String(), Title: e.Title, Cause: e.Cause, Consequence: e.Consequence, Action: e.Action, DependsOn: []string{},
			RaiseS: e.Raise.Seconds(), ClearS: e.Clear.Seconds(), Occurrence: e.Occurrence,
		}
		for _, on := range e.DependsOn {
			k.DependsOn = append(k.DependsOn, string(on))
		}
		all = append(all, k)
	}
	return all
}

// known asks for all alarms and mutes.
func (n *noun) known(ctx context.Context) (monitor.Answer, error) {
	return ask[monitor.Answer](ctx, n.Bus, monitor.RoleName, monitor.MethodList, struct{}{})
}

// urgency is a key: what must be looked at first is the smallest.
func urgency(a *Alarm) string {
	state := map[string]string{"active": "0", "flapping": "0", "suppressed": "1", "cleared": "2"}[a.State]
	severity := map[string]string{"critical": "0", "major": "1", "warning": "2"}[a.Severity]
	raised, _ := time.Parse(time.RFC3339, a.RaisedAt) // none: the oldest
	return state + severity + number(max(0, 1<<62-max(raised.UnixMilli(), 0)))
}

func (n *noun) listAlarms(ctx context.Context, in *listAlarms) (*rest.List[Alarm], error) {
	known, err := n.known(ctx)
	if err != nil {
		return nil, err
	}
	var least alarm.Severity
	if in.Severity != "" && least.UnmarshalText([]byte(in.Severity)) != nil {
		return nil, problem.New(problem.BadFilter, "").At("query/severity", "is none")
	}
	var all []Alarm
	for i := range known.Alarms {
		a := alarmOf(&known.Alarms[i])
		handled := a.Acknowledged != nil || a.Muted != nil
		if (len(in.State) == 0 || slices.Contains(in.State, a.State)) && known.Alarms[i].Severity >= least && (in.Code == "" || a.Code == in.Code) &&
			(in.Subject == "" || a.Subject == in.Subject || strings.HasPrefix(a.Subject, in.Subject+"/")) && (in.Told == "" || handled == (in.Told == "yes")) {
			all = append(all, a)
		}
	}
	filter := strings.Join(append([]string{in.Severity, in.Code, in.Subject, in.Told}, in.State...), "/")
	return page(n.api, in.Page, filter, all, "urgency", map[string]func(*Alarm) string{
		"urgency":    urgency,
		"code":       func(a *Alarm) string { return a.Code },
		"subject":    func(a *Alarm) string { return a.Subject },
		"first_seen": func(a *Alarm) string { return a.FirstSeen },
		"last_seen":  func(a *Alarm) string { return a.LastSeen },
		"raised_at":  func(a *Alarm) string { return a.RaisedAt },
		"count":      func(a *Alarm) string { return number(int64(min(a.Count, 1<<62))) },
	}, func(a *Alarm) string { return a.ID })
}

// pick finds an alarm in an answer.
func pick(known monitor.Answer, id string) (*rest.Item[Alarm], error) {
	for i := range known.Alarms {
		if a := alarmOf(&known.Alarms[i]); a.ID == id {
			return rest.One(a, 0), nil
		}
	}
	return nil, problem.New(problem.NotFound, "There is no such alarm.")
}

func (n *noun) getAlarm(ctx context.Context, in *oneAlarm) (*rest.Item[Alarm], error) {
	known, err := n.known(ctx)
	if err != nil {
		return nil, err
	}
	return pick(known, in.ID)
}

// tellMonitor has the keeper of alarms do something to one.
func (n *noun) tellMonitor(ctx context.Context, id, method, note string) (*rest.Item[Alarm], error) {
	audit.Object(ctx, "alarm/"+id)
	code, subject := alarm.ParseID(id)
	known, err := ask[monitor.Answer](ctx, n.Bus, monitor.RoleName, method, monitor.AcknowledgeRequest{Code: code, Subject: subject, By: who(ctx), Note: note})
	if err != nil {
		return nil, refused(err, "The alarm is not active.")
	}
	item, err := pick(known, id)
	if err == nil {
		audit.After(ctx, item.Body.Acknowledged)
	}
	return item, err
}

// refused makes a problem of what the keeper of alarms says.
func refused(err error, missing string) error {
	var said *bus.Error
	if !errors.As(err, &said) {
		return err
	}
	switch said.Code {
	case monitor.CodeNotFound:
		return problem.Wrap(problem.NotFound, err, "%s", missing)
	case monitor.CodeFull:
		return problem.Wrap(problem.LimitReached, err, "There are %d mutes.", alarm.MaxMutes)
	}
	return problem.Wrap(problem.Invalid, err, "The keeper of alarms refuses it.")
}

type muteBody struct {
	Code    string    `json:"code,omitempty" maxLength:"64" doc:"Only alarms of this code."`
	Subject string    `json:"subject,omitempty" maxLength:"128" pattern:"^([A-Za-z0-9._:-]+(/[A-Za-z0-9._:-]+)*)?$" doc:"Only alarms about this, and what is below it." example:"store/0"`
	Until   time.Time `json:"until,omitzero" doc:"When it ends; an hour from now if it is not said, 90 days at most."`
	Reason  string    `json:"reason" minLength:"1" maxLength:"400" doc:"For whoever wonders why nobody was told."`
}

type createMute struct {
	rest.DryRun
	Body muteBody
}

type oneMute struct {
	ID string `path:"id" pattern:"^mute-[a-z2-7]{12}$"`
}

func (n *noun) mutes(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-mutes", Method: http.MethodGet, Path: root + "alarms/mutes", Tag: "alarm", Permission: auth.AlarmRead, Summary: "Mutes in force",
		Errors: []problem.Code{problem.RoleUnavailable},
	}, func(ctx context.Context, _ *struct{}) (*rest.List[Mute], error) {
		known, err := n.known(ctx)
		if err != nil {
			return nil, err
		}
		all := []Mute{}
		for i := range known.Mutes {
			all = append(all, *muteOf(&known.Mutes[i]))
		}
		return rest.Some(all, "").Of(len(all)), nil
	})
	rest.Register(a, rest.Operation{
		ID: "create-mute", Method: http.MethodPost, Path: root + "alarms/mutes", Tag: "alarm", Permission: auth.AlarmWrite, Audit: "alarm.mute",
		Status: http.StatusCreated, Errors: []problem.Code{problem.LimitReached, problem.RoleUnavailable}, Summary: "Mute alarms for a time",
		Description: "Muted alarms are listed, and webhooks are not told of them. What is still active when the mute ends is told then.",
	}, n.createMute)
	rest.Register(a, rest.Operation{
		ID: "delete-mute", Method: http.MethodDelete, Path: root + "alarms/mutes/{id}", Tag: "alarm", Permission: auth.AlarmWrite, Audit: "alarm.unmute",
		Errors: []problem.Code{problem.RoleUnavailable}, Summary: "End a mute",
	}, func(ctx context.Context, in *oneMute) (*rest.Nothing, error) {
		audit.Object(ctx, "mute/"+in.ID)
		_, err := ask[monitor.Answer](ctx, n.Bus, monitor.RoleName, monitor.MethodUnmute, monitor.UnmuteRequest{ID: in.ID, By: who(ctx)})
		if err != nil && !problem.Is(refused(err, ""), problem.NotFound) {
			return nil, refused(err, "")
		}
		return &rest.Nothing{}, nil
	})
}

func (n *noun) createMute(ctx context.Context, in *createMute) (*rest.Item[Mute], error) {
	b := &in.Body
	if b.Until.IsZero() {
		b.Until = time.Now().Add(muteDefault)
	}
	m := Mute{ID: "mute-" + strings.ToLower(rand.Text()[:12]), Code: b.Code, Subject: b.Subject, Until: b.Until.UTC(), Reason: b.Reason, By: who(ctx), At: time.Now().UTC()}
	switch ahead := time.Until(m.Until); {
	case m.Code == "" && m.Subject == "":
		return nil, problem.New(problem.Invalid, "").At("body/code", "or a subject must be given")
	case m.Code != "" && alarm.Lookup(alarm.Code(m.Code)) == nil:
		return nil, problem.New(problem.Invalid, "").At("body/code", "is not in the catalogue")
	case ahead <= 0 || ahead > alarm.MuteMost:
		return nil, problem.New(problem.Invalid, "").At("body/until", "must be in the future, and no more than 90 days from now")
	}
	if in.DryRun.DryRun {
		i := rest.One(m, 0)
		i.Status = http.StatusOK
		return i, nil
	}
	audit.Object(ctx, "mute/"+m.ID)
	audit.After(ctx, m)
	_, err := ask[monitor.Answer](ctx, n.Bus, monitor.RoleName, monitor.MethodMute, monitor.MuteRequest{
		ID: m.ID, Code: alarm.Code(m.Code), Subject: m.Subject, Until: m.Until, Reason: m.Reason, By: m.By,
	})
	if err != nil {
		return nil, refused(err, "")
	}
	return rest.One(m, 0).Created(root + "alarms/mutes/" + m.ID), nil
}
