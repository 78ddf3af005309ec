package traffic

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
)

type exportInput struct {
	FlowFilter
	Format string `query:"format" enum:"jsonl,csv" default:"jsonl" doc:"A JSON document a line, or a table."`
}

// errEnough ends an export at its bound.
var errEnough = errors.New("as many as there may be")

func (n *noun) exportFlows(w http.ResponseWriter, r *http.Request, in *exportInput) error {
	select {
	case n.exports <- struct{}{}:
		defer func() { <-n.exports }()
	default:
		return problem.New(problem.Busy, "As many exports are under way as may be at a time.")
	}
	filter := in.filter()
	if _, err := n.Index.List(r.Context(), &flowindex.Query{Filter: filter, Limit: 1}); err != nil {
		return err // while there is still a status to tell it with
	}
	h := w.Header()
	h.Set("Content-Disposition", `attachment; filename="flows.`+in.Format+`"`)
	h.Set("Cache-Control", "no-store")
	out := bufio.NewWriterSize(&patient{w, http.NewResponseController(w)}, exportPart)
	var sheet sheet = &jsonLines{json.NewEncoder(out)}
	if in.Format == "csv" {
		sheet = &table{csv.NewWriter(out)}
	}
	h.Set("Content-Type", sheet.contentType())
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if err := sheet.begin(); err != nil {
		return err
	}
	left, why := exportMax, ""
	var failed error // of the client, or its connection
	err := n.Index.Each(r.Context(), &filter, func(f *flowindex.Flow) error {
		if left == 0 {
			return errEnough
		}
		left--
		failed = sheet.flow(f)
		return failed
	})
	switch {
	case failed != nil:
		return failed
	case errors.Is(err, errEnough):
		why = "there are more flows: ask for fewer with a filter"
	case err != nil:
		why = "the flows cannot be read any more"
	}
	return errors.Join(sheet.end(why), out.Flush())
}

// patient gives a client the same time for each part.
type patient struct {
	w io.Writer
	c *http.ResponseController
}

// Write writes within writeTime.
func (p *patient) Write(b []byte) (int, error) {
	if err := p.c.SetWriteDeadline(time.Now().Add(writeTime)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	return p.w.Write(b)
}

// sheet is a file of flows.
type sheet interface {
	contentType() string
	begin() error
	flow(*flowindex.Flow) error
	end(why string) error // why it is not whole
}

type jsonLines struct{ e *json.Encoder }

func (j *jsonLines) contentType() string          { return "application/jsonl" }
func (j *jsonLines) begin() error                 { return nil }
func (j *jsonLines) flow(f *flowindex.Flow) error { return j.e.Encode(f) }

func (j *jsonLines) end(why string) error {
	if why == "" {
		return nil
	}
	return j.e.Encode(map[string]string{"incomplete": why})
}

type table struct{ w *csv.Writer }

func (t *table) contentType() string { return "text/csv; charset=utf-8" }

func (t *table) begin() error {
	return t.w.Write([]string{
		"id", "fabric", "vsan", "initiator", "initiator_alias", "initiator_id", "target", "target_alias", "target_id", "verdict", "policy", "service", "state", "static",
		"port", "target_port", "frames_to_target", "frames_to_initiator", "bytes_to_target", "bytes_to_initiator", "frames_per_second", "bytes_per_second", "errors",
		"created", "last_seen",
	})
}

func (t *table) flow(f *flowindex.Flow) error {
	count := func(n uint64) string { return strconv.FormatUint(n, 10) }
	at := func(at *time.Time) string {
		if at == nil {
			return ""
		}
		return at.Format(time.RFC3339Nano)
	}
	rate := func(r *float64) string {
		if r == nil {
			return ""
		}
		return strconv.FormatFloat(*r, 'f', 1, 64)
	}
	cells := []string{
		f.ID, count(uint64(f.Fabric)), count(uint64(f.VSAN)), f.Initiator, f.InitiatorAlias, f.InitiatorID, f.Target, f.TargetAlias, f.TargetID, f.Verdict, f.Policy,
		f.Service, f.State, strconv.FormatBool(f.Static), f.Port, f.TargetPort, count(f.FramesOut), count(f.FramesIn), count(f.BytesOut), count(f.BytesIn),
		rate(f.FrameRate), rate(f.ByteRate), count(f.Errors), at(f.Created), at(f.LastSeen),
	}
	for i := range cells {
		cells[i] = harmless(cells[i])
	}
	return t.w.Write(cells)
}

func (t *table) end(why string) error {
	if why != "" {
		if err := t.w.Write([]string{"incomplete: " + why}); err != nil {
			return err
		}
	}
	t.w.Flush()
	return t.w.Error()
}

// harmless keeps a spreadsheet from taking a name for a formula.
func harmless(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
