package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"fcredirect/mgmt/registry"
)

var (
	databaseUp  = gauge("fcr_database_up", "1 when the database answers and takes writes.")
	roleAnswers = gauge("fcr_role_answers", "1 when the role has answered to this scrape's question for its figures.", "role", "shard")
)

// question is what the roles of a name are asked, and how their answer is told.
type question struct {
	method string
	tell   func(out sink, shard string, answer []byte) error
}

var questions = map[string]question{
	"store":     {"store.stats", told(tellStore)},
	"event":     {"event.stats", told(tellEvents)},
	"telemetry": {"telemetry.stats", told(tellTelemetry)},
	"peer":      {"peer.stats", told(tellPeer)},
	"monitor":   {"alarm.list", told(tellAlarms)},
}

// told reads an answer before it is told.
func told[A any](tell func(out sink, shard string, answer *A)) func(sink, string, []byte) error {
	return func(out sink, shard string, answer []byte) error {
		var a A
		if err := json.Unmarshal(answer, &a); err != nil {
			return err
		}
		tell(out, shard, &a)
		return nil
	}
}

// questioned is a role that was asked.
type questioned struct {
	role  string
	shard int
}

// answer is what came back.
type answer struct {
	questioned
	bytes []byte
	err   error
}

// answers are those to all questions of a scrape.
type answers struct {
	ctx      context.Context
	open     map[questioned]bool // that have not answered
	arrive   chan answer
	database chan error // nil: nobody asked
}

// ask sends all questions at once. Who does not keep to ctx is not waited for.
func (c *collector) ask(ctx context.Context, list []registry.Instance) *answers {
	a := &answers{ctx: ctx, open: map[questioned]bool{}, arrive: make(chan answer, len(list))}
	if c.o.Bus != nil {
		for i := range list {
			who := questioned{list[i].Role, list[i].Shard}
			q, known := questions[who.role]
			if !known || !list[i].Active || a.open[who] {
				continue
			}
			a.open[who] = true
			go func() {
				b, err := c.o.Bus.CallShard(ctx, who.role, who.shard, q.method, nil)
				a.arrive <- answer{who, b, err}
			}()
		}
	}
	if c.o.Database != nil {
		a.database = make(chan error, 1)
		if !c.asking.CompareAndSwap(false, true) {
			a.database <- errHung
			return a
		}
		go func() {
			_, err := c.o.Database.Identity(ctx)
			c.asking.Store(false)
			a.database <- err
		}()
	}
	return a
}

// errHung is for a driver that does not notice the end of its context: it is not asked twice at a time.
var errHung = fmt.Errorf("metrics: the database has not answered to the scrape before")

// tell waits for the answers and tells them.
func (a *answers) tell(out sink) {
	for len(a.open) > 0 {
		select {
		case got := <-a.arrive:
			delete(a.open, got.questioned)
			shard := strconv.Itoa(got.shard)
			if got.err == nil {
				got.err = questions[got.role].tell(out, shard, got.bytes)
			}
			out.is(roleAnswers, got.err == nil, got.role, shard)
			continue
		case <-a.ctx.Done():
		}
		break
	}
	for who := range a.open {
		out.is(roleAnswers, false, who.role, strconv.Itoa(who.shard))
	}
	if a.database == nil {
		return
	}
	select {
	case err := <-a.database:
		out.is(databaseUp, err == nil)
	case <-a.ctx.Done():
		out.is(databaseUp, false)
	}
}
