package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
)

// loginRows are logins as the columns of a statement.
type loginRows struct {
	fabric, vsan                             []int16
	id                                       []int32
	wwpn, wwnn, incarnation, generation, seq []int64
	mac, port, role, functions, state, how   []string
	first, last                              []time.Time
}

func (c *loginRows) at(l *feed.LoginItem) {
	addr := login.Addr(l.Addr)
	c.fabric, c.vsan = append(c.fabric, int16(addr.Fabric())), append(c.vsan, int16(addr.VF()))
	c.id, c.seq = append(c.id, int32(addr.ID())), append(c.seq, int64(l.Seq))
}

func (c *loginRows) add(l *feed.LoginItem, names *names) {
	c.at(l)
	is := login.Login{Claimed: login.Functions(l.Claimed), Observed: login.Functions(l.Observed)}
	mac, port := "", ""
	if m := frame.MAC(l.MAC); !m.IsZero() {
		mac = m.String()
	}
	if l.Port != login.NoPort {
		port = names.port(l.Port)
	}
	c.wwpn, c.wwnn = append(c.wwpn, int64(l.WWPN)), append(c.wwnn, int64(l.WWNN))
	c.mac, c.port, c.role = append(c.mac, mac), append(c.port, port), append(c.role, is.Role())
	c.functions = append(c.functions, strings.Join(is.Claimed.Names(), ","))
	c.state, c.how = append(c.state, login.State(l.Status).String()), append(c.how, login.How(l.How).String())
	c.first, c.last = append(c.first, stamp(l.FirstSeen)), append(c.last, stamp(l.LastSeen))
	c.incarnation, c.generation = append(c.incarnation, int64(l.Incarnation)), append(c.generation, int64(l.Generation))
}

// writeLogins writes the logins of a flush, and deletes those that are gone.
func (f *flusher) writeLogins(ctx context.Context, tx pgx.Tx, w *flush) error {
	var up, gone loginRows
	for i := range w.logins {
		if l := &w.logins[i]; l.Header.Flags&feed.FlagEnded != 0 {
			gone.at(l)
		} else {
			up.add(l, f.names)
		}
	}
	if len(up.id) > 0 {
		tag, err := tx.Exec(ctx, upsertLogins, f.cursor.node, w.epoch, up.fabric, up.vsan, up.id, up.wwpn, up.wwnn, up.mac, up.port, up.role,
			up.functions, up.state, up.how, up.first, up.last, up.incarnation, up.generation, up.seq)
		if err != nil {
			return err
		}
		w.written += tag.RowsAffected()
	}
	if len(gone.id) > 0 {
		tag, err := tx.Exec(ctx, deleteLogins, f.cursor.node, w.epoch, gone.fabric, gone.vsan, gone.id, gone.seq)
		if err != nil {
			return fmt.Errorf("delete: %w", err)
		}
		w.written += tag.RowsAffected()
	}
	return nil
}
