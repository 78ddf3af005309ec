package rest

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"golang.org/x/sync/semaphore"

	"fcredirect/mgmt/audit"
)

// Options is what an API needs.
type Options struct {
	Gate    Gate           // nil: nobody can sign in
	Audit   audit.Recorder // nil: nothing is written down
	Log     *slog.Logger
	Now     func() time.Time       // nil: the clock
	Version string                 // of the product
	Key     []byte                 // of cursors: 32 random bytes; nil: new ones
	Host    func(name string) bool // whether a name is one of ours, beside addresses; nil: all are
	Rates   *Rates                 // nil: DefaultRates
}

// API is the interface: operations are registered with it, and it serves them.
type API struct {
	Cursor *Cursor // makes and reads cursors

	options     Options
	router      chi.Router
	beside      func(*http.Request) http.Handler // what has a path that no operation has; nil: nothing
	handler     http.Handler                     // what every request goes through, then router
	huma        huma.API
	operations  []*Operation
	limiters    *limiters
	onces       *onces
	bodies      *semaphore.Weighted // bytes of long bodies
	crossOrigin *http.CrossOriginProtection
}

// New makes an API without operations.
func New(o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Audit == nil {
		o.Audit = audit.Nowhere{}
	}
	if o.Rates == nil {
		o.Rates = &DefaultRates
	}
	router := chi.NewRouter()
	a := &API{
		options: o, router: router, Cursor: newCursor(o.Key), limiters: newLimiters(*o.Rates), onces: newOnces(), bodies: semaphore.NewWeighted(bodyMemory), crossOrigin: http.NewCrossOriginProtection(),
	}
	router.NotFound(brief(http.HandlerFunc(a.notFound)).ServeHTTP)
	router.MethodNotAllowed(brief(http.HandlerFunc(a.notAllowed)).ServeHTTP)
	a.handler = a.outer()
	a.huma = huma.NewAPI(a.config(), (*adapter)(a))
	return a
}

// ServeHTTP serves a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Operations are all that were registered, in that order.
func (a *API) Operations() []*Operation { return a.operations }

// Routes are all methods and paths that are served, as "GET /api/v1/ports".
func (a *API) Routes() []string {
	var all []string
	err := chi.Walk(a.router, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		all = append(all, method+" "+route)
		return nil
	})
	if err != nil {
		panic("rest: " + err.Error()) // the function returns none
	}
	return all
}

// adapter puts huma's operations behind the guards of an operation.
type adapter API

func (ad *adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a := (*API)(ad)
	if op.RequestBody != nil {
		op.Extensions["x-max-bytes"] = op.Metadata[metadata].(*Operation).maxBody()
	}
	a.route(op.Metadata[metadata].(*Operation), op, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(humachi.NewContext(op, r, w))
	}))
}

func (ad *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { ad.router.ServeHTTP(w, r) }

// metadata is where huma's operation has ours.
const metadata = "operation"
