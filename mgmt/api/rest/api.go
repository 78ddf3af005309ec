package rest

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// Options is what an API needs.
type Options struct {
	Gate    Gate
	Log     *slog.Logger
	Now     func() time.Time // nil: the clock
	Version string           // of the product
	Key     []byte           // of cursors: 32 random bytes; nil: new ones
}

// API is the interface: operations are registered with it, and it serves them.
type API struct {
	Cursor *Cursor // makes and reads cursors

	options    Options
	router     chi.Router
	huma       huma.API
	operations []*Operation
}

// New makes an API without operations.
func New(o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{options: o, router: chi.NewRouter(), Cursor: newCursor(o.Key)}
	a.huma = huma.NewAPI(a.config(), (*adapter)(a))
	return a
}

// ServeHTTP serves a request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.router.ServeHTTP(w, r) }

// Operations are all that were registered, in that order.
func (a *API) Operations() []*Operation { return a.operations }

// adapter puts huma's operations behind the guards of an operation.
type adapter API

func (ad *adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	a := (*API)(ad)
	a.route(op.Metadata[metadata].(*Operation), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler(humachi.NewContext(op, r, w))
	}))
}

func (ad *adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { ad.router.ServeHTTP(w, r) }

// metadata is where huma's operation has ours.
const metadata = "operation"
