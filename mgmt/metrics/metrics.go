package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/registry"
)

// Segment gives the segment that is there now: an *attach.Live.
type Segment interface {
	Use(func(*attach.Segment) error) error
}

// Registry says which roles and processes there are: a *registry.Registry.
type Registry interface {
	List() []registry.Instance
	Members() []registry.Process
}

// Bus asks roles: a *bus.Bus.
type Bus interface {
	CallShard(ctx context.Context, role string, shard int, method string, request []byte) ([]byte, error)
	Stats() bus.Stats
}

// Database is asked whether it answers: a *postgres.DB.
type Database interface {
	Identity(ctx context.Context) (postgres.Identity, error)
}

// Settings is what admins set: a *settings.Store.
type Settings interface {
	Revision() uint64
	Mirrored() bool
}

// Options are what a node is seen through. Everything may be absent: then it is not told.
type Options struct {
	Segment     Segment
	Registry    Registry
	Bus         Bus
	Database    Database
	Settings    Settings
	Certificate func() time.Time // when the certificate that is served ends to be valid, zero: there is none
	Sessions    func() int       // that are signed in
	Streams     func() Streams   // of the live stream
	Version     string
	Log         *slog.Logger
}

// Streams is what the live stream says of itself.
type Streams struct {
	Clients, Subscriptions           int
	Messages, Resyncs, Refused, Slow uint64
}

// Metrics is all metrics of a process.
type Metrics struct {
	registry *prometheus.Registry
	requests *requests
	handler  http.Handler
	scrapes  chan struct{} // those under way
}

// New makes them.
func New(o Options) *Metrics {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{registry: prometheus.NewRegistry(), requests: newRequests(), scrapes: make(chan struct{}, scrapesAtOnce)}
	m.registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), m.requests, newCollector(o),
	)
	m.handler = promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, ErrorLog: complaints{o.Log}})
	return m
}

// Serve answers a scrape, or says in a problem why not. Who may ask is the API's to say.
func (m *Metrics) Serve(w http.ResponseWriter, r *http.Request) error {
	select {
	case m.scrapes <- struct{}{}:
		defer func() { <-m.scrapes }()
	default:
		return problem.New(problem.Busy, "%d scrapes are under way.", scrapesAtOnce)
	}
	m.handler.ServeHTTP(w, r)
	return nil
}

// complaints is where promhttp says what could not be told: a name twice in the segment, for example.
type complaints struct{ log *slog.Logger }

func (c complaints) Println(v ...any) {
	for _, what := range v {
		if err, ok := what.(error); ok {
			c.log.Warn("metrics: not everything could be told", "error", err)
		}
	}
}

var (
	buildInfo      = gauge("fcr_build_info", "Always 1. The version of the management daemon that answered.", "version", "goversion")
	scrapeDuration = gauge("fcr_scrape_duration_seconds", "What it took to gather what is told here, waits for roles included.")
	certificateEnd = gauge("fcr_api_certificate_expiry_timestamp_seconds", "When the certificate that is served ends to be valid.")
	sessions       = gauge("fcr_api_sessions", "Sessions that are signed in.")
	settingsRev    = gauge("fcr_settings_revision", "Number of the last change of what admins set.")
	settingsInDB   = gauge("fcr_settings_mirrored", "1 when the database has all settings that the node's file has.")

	streamClients       = gauge("fcr_stream_clients", "Clients of the live stream.")
	streamSubscriptions = gauge("fcr_stream_subscriptions", "What they follow.")
	streamMessages      = counter("fcr_stream_messages_total", "Messages that were sent to them.")
	streamResyncs       = counter("fcr_stream_resyncs_total", "Times that a client was too slow and got the whole state anew.")
	streamRefused       = counter("fcr_stream_refused_total", "Clients for whom there was no room.")
	streamSlow          = counter("fcr_stream_slow_clients_total", "Clients that were let go because they took no message in time.")
)

// collector makes a scrape.
type collector struct {
	o      Options
	asking atomic.Bool // the database

	mu      sync.Mutex // one scrape at a time; guards what follows
	control pulse
	lcores  map[int]*pulse
}

func newCollector(o Options) *collector { return &collector{o: o, lcores: map[int]*pulse{}} }

// Describe names all metrics, so that one which is told and not declared is an error.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range declared {
		if !countedByRequests(m) {
			to <- m.desc
		}
	}
}

// Collect is a scrape.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	began, out := time.Now(), sink(to)
	ctx, cancel := context.WithTimeout(context.Background(), answerBound)
	defer cancel()
	var instances []registry.Instance
	if c.o.Registry != nil {
		instances = c.o.Registry.List()
	}
	answers := c.ask(ctx, instances)
	c.segment(out, began)
	c.roles(out, instances)
	c.own(out)
	answers.tell(out)
	out.put(scrapeDuration, time.Since(began).Seconds())
}

// own tells what this process knows itself.
func (c *collector) own(out sink) {
	out.put(buildInfo, 1, c.o.Version, runtime.Version())
	if c.o.Settings != nil {
		out.count(settingsRev, c.o.Settings.Revision())
		out.is(settingsInDB, c.o.Settings.Mirrored())
	}
	if c.o.Certificate != nil {
		if end := c.o.Certificate(); !end.IsZero() {
			out.put(certificateEnd, float64(end.Unix()))
		}
	}
	if c.o.Sessions != nil {
		out.put(sessions, float64(c.o.Sessions()))
	}
	if c.o.Streams != nil {
		s := c.o.Streams()
		out.put(streamClients, float64(s.Clients))
		out.put(streamSubscriptions, float64(s.Subscriptions))
		out.count(streamMessages, s.Messages)
		out.count(streamResyncs, s.Resyncs)
		out.count(streamRefused, s.Refused)
		out.count(streamSlow, s.Slow)
	}
	c.bus(out)
}

// pulse remembers when a heartbeat was last seen to move. Heartbeats are not compared with a clock of ours: that of the
// lcores drifts by a second a day against it, and the wall clock may step.
type pulse struct {
	value uint64
	moved time.Time
}

// age is how long ago it moved, as far as was seen.
func (p *pulse) age(value uint64, now time.Time) float64 {
	if p.moved.IsZero() || value != p.value {
		p.value, p.moved = value, now
	}
	return now.Sub(p.moved).Seconds()
}
