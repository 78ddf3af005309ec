package metrics

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/registry"
)

func TestAScrapeTellsWhatStandsInTheSegment(t *testing.T) {
	lines, _ := scrape(t, New(whole(t)))
	if left, err := strconv.ParseFloat(lines[`fcr_policy_confirm_left_seconds`], 64); err != nil || left <= 0 || left > 60 {
		t.Errorf("%g seconds are left: %v", left, err)
	}
	expect(t, lines, map[string]string{
		`fcr_segment_up`:   "1",
		`fcr_dataplane_up`: "1",
		`fcr_node_info{abi="` + strconv.Itoa(shm.ABI) + `",node="fcr-t"}`: "1",
		`fcr_port_receive_frames_total{port="edge0"}`:                     "111",
		`fcr_port_fates_total{fate="forwarded",port="edge0"}`:             "90",
		`fcr_port_fates_total{fate="steered",port="edge0"}`:               "11",
		`fcr_port_drops_total{port="edge0",reason="bad_sof"}`:             "10",
		`fcr_port_drops_total{port="edge0",reason="forwarded"}`:           "",
		`fcr_port_tx_stalled_frames_total{port="edge0"}`:                  "6",
		`fcr_port_mirror_frames_total{port="edge0"}`:                      "5",
		`fcr_port_mirror_lost_frames_total{port="edge0"}`:                 "3",
		`fcr_port_device_errors_total{kind="missed",port="svc0"}`:         "3",
		`fcr_port_pause_received_frames_total{port="svc0"}`:               "4",
		`fcr_port_speed_bytes_per_second{port="fab0"}`:                    "1.25e+09",
		`fcr_lcore_busy_seconds_total{lcore="1"}`:                         "3",
		`fcr_flow_directions{lcore="0"}`:                                  "24",
		`fcr_flow_directions_capacity{lcore="0"}`:                         "64",
		`fcr_logins`: "5",
		`fcr_learner_events_total{event="conflict"}`:                            "2",
		`fcr_service_up{service="inspect"}`:                                     "1",
		`fcr_service_used{service="inspect"}`:                                   "1",
		`fcr_service_used{service="spare"}`:                                     "0",
		`fcr_service_used{service="older"}`:                                     "1",
		`fcr_service_info{port="svc0",service="inspect"}`:                       "1",
		`fcr_policy_generation`:                                                 "7",
		`fcr_ring_capacity_items{consumer="store",producer="lcore1",shard="1"}`: "64",
		`fcr_ring_depth_items{consumer="peer",producer="control",shard="0"}`:    "10",
		`fcr_role_up{role="store",shard="0"}`:                                   "1",
		`fcr_role_answers{role="store",shard="0"}`:                              "1",
		`fcr_role_state{replica="0",role="peer",shard="0",state="running"}`:     "1",
		`fcr_role_state{replica="0",role="peer",shard="0",state="failed"}`:      "0",
		`fcr_policy_revision`:                                                   "12",
		`fcr_policy_confirmed_revision`:                                         "11",
		`fcr_policy_confirm_window_open`:                                        "1",
		`fcr_policy_last_outcome{outcome="reverted"}`:                           "1",
		`fcr_policy_last_outcome{outcome="expired"}`:                            "0",
		`fcr_database_up`:                                                       "1",
		`fcr_settings_revision`:                                                 "42",
		`fcr_api_sessions`:                                                      "3",
		`fcr_stream_clients`:                                                    "2",
		`fcr_api_certificate_expiry_timestamp_seconds`:                          "2e+09",
		`fcr_alarms{code="memory.high",severity="warning"}`:                     "2",
		`fcr_alarms{code="ring.blocked",severity="major"}`:                      "0",
		`fcr_process_info{process="fcr-mgmtd",version="1"}`:                     "1",
		`fcr_process_info{process="fcrctl",version="1"}`:                        "",
		`fcr_process_info{process="fcr-mgmtd store",version="1"}`:               "",
		`fcr_store_lag_seconds{shard="0"}`:                                      "1.5",
		`fcr_event_spool_bytes`:                                                 "4096",
		`fcr_peer_items_total{kind="login",lane="high"}`:                        "4",
		`fcr_telemetry_waiting_looks`:                                           "6",
		`fcr_peer_synced{peer="fcr-b"}`:                                         "1",
		`fcr_peer_lag_seconds{peer="fcr-b"}`:                                    "1.5",
		`fcr_peer_encoded_bytes_total{peer="fcr-b",stage="columns"}`:            "10",
		`fcr_peer_records{peer="fcr-a",stream="state"}`:                         "7",
		`fcr_peer_programmed{kind="login"}`:                                     "6",
		`fcr_pair_epoch`:                                                        "3",
		`fcr_peer_wait_p99_seconds{lane="high",peer="fcr-b"}`:                   "0.009",
	})
}

// What is away takes only its own metrics along.
func TestAScrapeTellsWhatIsThereWhateverIsAway(t *testing.T) {
	for _, tt := range []struct {
		name string
		away func(*Options)
		want map[string]string
	}{
		{"no segment", func(o *Options) { o.Segment = nothing{} }, map[string]string{
			`fcr_segment_up`: "0", `fcr_dataplane_up`: "0", `fcr_port_up{port="edge0"}`: "", `fcr_database_up`: "1"}},
		{"a data plane that was drained", func(o *Options) { o.Segment.(*plane).seg.State.Header().State = shm.Drained }, map[string]string{
			`fcr_segment_up`: "1", `fcr_dataplane_up`: "0", `fcr_port_up{port="edge0"}`: "1"}},
		{"a data plane that was killed", func(o *Options) { o.Segment.(*plane).seg.State.Header().PID = 1 << 30 }, map[string]string{
			`fcr_segment_up`: "1", `fcr_dataplane_up`: "0"}},
		{"no database", func(o *Options) { o.Database = server{errors.New("away")} }, map[string]string{
			`fcr_database_up`: "0", `fcr_segment_up`: "1"}},
		{"a role that does not answer", func(o *Options) { delete(o.Bus.(line), "store.stats") }, map[string]string{
			`fcr_role_answers{role="store",shard="0"}`: "0", `fcr_store_commits_total{shard="0"}`: "", `fcr_event_spool_bytes`: "4096"}},
		{"a role that answers nonsense", func(o *Options) { o.Bus.(line)["event.stats"] = []int{1} }, map[string]string{
			`fcr_role_answers{role="event",shard="0"}`: "0", `fcr_event_spool_bytes`: ""}},
		{"a role that hangs", func(o *Options) { o.Bus.(line)["alarm.list"] = "hang" }, map[string]string{
			`fcr_role_answers{role="monitor",shard="0"}`: "0", `fcr_role_answers{role="store",shard="0"}`: "1"}},
		{"a role whose process is dead", func(o *Options) { o.Registry.(roster)[4].Alive = false }, map[string]string{
			`fcr_role_up{role="store",shard="0"}`: "0", `fcr_role_state{replica="0",role="store",shard="0",state="dead"}`: "1"}},
		{"a role that failed", func(o *Options) { o.Registry.(roster)[4].State = registry.Failed }, map[string]string{
			`fcr_role_up{role="store",shard="0"}`: "0", `fcr_role_state{replica="0",role="store",shard="0",state="failed"}`: "1"}},
		{"everything", func(o *Options) { *o = Options{} }, map[string]string{`fcr_segment_up`: "", `fcr_database_up`: ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := whole(t)
			tt.away(&o)
			lines, _ := scrape(t, New(o))
			expect(t, lines, tt.want)
			if lines[`fcr_scrape_duration_seconds`] == "" {
				t.Error("it does not say how long it took")
			}
		})
	}
}

func TestAScrapeWaitsForNobodyLongerThanItsBound(t *testing.T) {
	o := whole(t)
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		o.Bus = hanging{o.Bus.(line), release}
		m, began := New(o), time.Now()
		scrape(t, m)
		if took := time.Since(began); took != answerBound {
			t.Errorf("it took %v", took)
		}
	})
}

// hanging is a bus whose roles hang until they are released, whatever the context says.
type hanging struct {
	line
	release chan struct{}
}

func (h hanging) CallShard(context.Context, string, int, string, []byte) ([]byte, error) {
	<-h.release
	return nil, bus.ErrGone
}

func TestMoreScrapesThanThereIsRoomForAreToldToComeLater(t *testing.T) {
	m := New(whole(t))
	for range scrapesAtOnce {
		m.scrapes <- struct{}{}
	}
	w := httptest.NewRecorder()
	if err := m.Serve(w, httptest.NewRequest("GET", "/metrics", nil)); !problem.Is(err, problem.Busy) || w.Body.Len() > 0 {
		t.Errorf("%v %s", err, w.Body)
	}
	<-m.scrapes
	scrape(t, m)
}

// The table is not walked: a scrape of a million directions costs as much as one of none.
func TestAScrapeOfAMillionFlowsTakesLessThanTwentyMilliseconds(t *testing.T) {
	with := func(directions int) *Metrics {
		o := whole(t)
		o.Segment = newPlane(t, directions) // of each of two lcores
		return New(o)
	}
	best := func(m *Metrics, before time.Duration) time.Duration {
		began := time.Now()
		scrape(t, m)
		return min(before, time.Since(began))
	}
	few, many := with(64), with(1<<19)
	none, million, rounds := time.Hour, time.Hour, 0
	wrong := func() bool { // -short is for the race detector, which takes its time
		return million > 5*none+5*time.Millisecond || million > 20*time.Millisecond && !testing.Short()
	}
	for end := time.Now().Add(20 * time.Second); rounds < 9 || wrong() && time.Now().Before(end); rounds++ { // others may have our CPU in most of them
		none, million = best(few, none), best(many, million)
	}
	t.Logf("best of %d: %v, of next to none %v", rounds, million, none)
	if wrong() {
		t.Errorf("%v of a million, %v of next to none", million, none)
	}
}

func TestALatencyIsInTheBucketOfItsBound(t *testing.T) {
	p := newPlane(t, 64)
	h := &p.lcore(0).Latency
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	values := make([]float64, 20_000)
	var sum float64
	for i := range values {
		v := uint64(1) << random.IntN(31)
		v += random.Uint64N(v)
		h.Add(v, 1)
		values[i] = float64(v) / hz
		sum += values[i]
	}
	lines, _ := scrape(t, New(Options{Segment: p}))
	for _, bound := range latencyBounds {
		le := strconv.FormatFloat(bound, 'g', -1, 64)
		told, err := strconv.Atoi(lines[`fcr_lcore_latency_seconds_bucket{lcore="0",le="`+le+`"}`])
		if err != nil {
			t.Fatalf("le=%s: %v", le, err)
		}
		least, most := 0, 0
		for _, v := range values {
			if v <= bound {
				least++
			}
			if v <= bound*17/16 {
				most++
			}
		}
		if told < least || told > most {
			t.Errorf("le=%s: %d, want %d to %d", le, told, least, most)
		}
	}
	expect(t, lines, map[string]string{`fcr_lcore_latency_seconds_count{lcore="0"}`: "20000", `fcr_lcore_latency_seconds_count{lcore="1"}`: "0"})
	if told, _ := strconv.ParseFloat(lines[`fcr_lcore_latency_seconds_sum{lcore="0"}`], 64); told < sum*0.999 || told > sum*1.001 {
		t.Errorf("sum %g, want %g", told, sum)
	}
}

func TestAHeartbeatAgesFromWhenItWasLastSeenToMove(t *testing.T) {
	var p pulse
	start := time.Now()
	for _, tt := range []struct {
		after time.Duration
		value uint64
		want  float64
	}{{0, 5, 0}, {time.Second, 5, 1}, {3 * time.Second, 6, 0}, {5 * time.Second, 6, 2}} {
		if got := p.age(tt.value, start.Add(tt.after)); got != tt.want {
			t.Errorf("after %v: %g, want %g", tt.after, got, tt.want)
		}
	}
}

// Names in the segment are not trusted: two of a name, and one that is not text, cost no more than themselves.
func TestNamesThatCannotBeLabelsSpoilNoOtherMetric(t *testing.T) {
	o := whole(t)
	ports := shm.Items[shm.PortInfo](o.Segment.(*plane).seg.State, shm.RegionPorts)
	copy(ports[1].Name[:], "edge0\x00")
	copy(ports[2].Name[:], "\xff\xfe\"\n\x00")
	lines, _ := scrape(t, New(o))
	expect(t, lines, map[string]string{`fcr_database_up`: "1", `fcr_port_up{port="edge0"}`: "1", `fcr_port_up{port="?\"\n"}`: "1"})
}

func TestPromtoolFindsNothingToSayAboutAScrape(t *testing.T) {
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed (ci/deps metrics)")
	}
	m := New(whole(t))
	serve(t, m, "GET", "/api/v1/aliases/host-1")
	_, text := scrape(t, m)
	var ours strings.Builder // Go's and the process's own are not ours to name
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), "fcr_") {
			ours.WriteString(line + "\n")
		}
	}
	cmd := exec.Command(path, "check", "metrics")
	cmd.Stdin = strings.NewReader(ours.String())
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}
