package monitor

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/bus"
)

// order sends a request as another role does.
func (r *rig) order(method string, request any) (Answer, error) {
	b, err := json.Marshal(request)
	if err != nil {
		r.t.Fatal(err)
	}
	var h bus.Handler
	r.set(func() { h = r.handlers[method] })
	reply, err := h(r.t.Context(), b)
	var a Answer
	if err == nil {
		err = json.Unmarshal(reply, &a)
	}
	return a, err
}

func codeOf(err error) string {
	var e *bus.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func TestWhatAdminsDoWithAlarmsOutlivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		if _, err := r.order(MethodReport, ReportRequest{[]Report{{Code: alarm.WebhookFailing, Subject: "webhook/ops", Holds: true, Detail: "503"}}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		a, err := r.order(MethodAcknowledge, AcknowledgeRequest{Code: alarm.WebhookFailing, Subject: "webhook/ops", By: "alice", Note: "I know"})
		if err != nil || a.Alarms[0].Acknowledged == nil {
			t.Fatalf("%+v, %v", a, err)
		}
		if _, err = r.order(MethodMute, MuteRequest{ID: "m1", Subject: "webhook", Until: time.Now().Add(time.Hour), Reason: "works", By: "bob"}); err != nil {
			t.Fatal(err)
		}
		stop()
		stop = r.run()
		if a, err = r.order(MethodList, nil); err != nil || len(a.Mutes) != 1 || a.Mutes[0].Reason != "works" {
			t.Fatalf("%+v, %v", a, err)
		}
		for _, l := range a.Alarms {
			if l.Code == alarm.WebhookFailing && (!l.Active || l.Acknowledged == nil || l.Acknowledged.Note != "I know" || l.Muted == nil) {
				t.Errorf("after the restart: %+v", l)
			}
		}
		if a, err = r.order(MethodUnmute, UnmuteRequest{ID: "m1", By: "bob"}); err != nil || len(a.Mutes) != 0 {
			t.Errorf("%+v, %v", a, err)
		}
		stop()
	})
}

func TestAReportLapsesUnlessItIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		defer stop()
		report := func() {
			if _, err := r.order(MethodReport, ReportRequest{[]Report{{Code: alarm.ChangeDrift, Holds: true}}}); err != nil {
				t.Fatal(err)
			}
		}
		active := func() bool {
			for _, a := range r.role.Alarms() {
				if a.Code == alarm.ChangeDrift {
					return a.Active || a.SuppressedBy != ""
				}
			}
			return false
		}
		for range 5 {
			report()
			time.Sleep(lease - time.Second)
		}
		if !active() {
			t.Fatal("it is reported, and no alarm")
		}
		time.Sleep(time.Minute)
		if active() {
			t.Error("nobody reports it any more, and it is an alarm")
		}
	})
}

func TestBadOrdersAreRefusedWithACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		defer stop()
		for _, c := range []struct {
			name, method string
			request      any
			want         string
		}{
			{"no request at all", MethodMute, "nonsense", CodeInvalid},
			{"an alarm that is not there", MethodAcknowledge, AcknowledgeRequest{Code: alarm.DatabaseDown}, CodeNotFound},
			{"a code that is not there", MethodAcknowledge, AcknowledgeRequest{Code: "nonsense"}, CodeNotFound},
			{"a mute without an end", MethodMute, MuteRequest{ID: "m", Code: alarm.DatabaseDown}, CodeInvalid},
			{"a mute of a subject that is none", MethodMute, MuteRequest{ID: "m", Subject: "../x y", Until: time.Now().Add(time.Hour)}, CodeInvalid},
			{"a mute that is not there", MethodUnmute, UnmuteRequest{ID: "m"}, CodeNotFound},
			{"a report of what monitor itself finds", MethodReport, ReportRequest{[]Report{{Code: alarm.DatabaseDown, Holds: true}}}, CodeInvalid},
			{"an occurrence that holds", MethodReport, ReportRequest{[]Report{{Code: alarm.BruteForce, Holds: true}}}, CodeInvalid},
			{"a condition that happens", MethodReport, ReportRequest{[]Report{{Code: alarm.ChangeDrift, Times: 1}}}, CodeInvalid},
			{"a subject with a line break", MethodReport, ReportRequest{[]Report{{Code: alarm.ChangeDrift, Subject: "a\nb", Holds: true}}}, CodeInvalid},
		} {
			if _, err := r.order(c.method, c.request); codeOf(err) != c.want {
				t.Errorf("%s: %v, want %s", c.name, err, c.want)
			}
		}
	})
}
