package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"fcredirect/mgmt/change"
	"fcredirect/mgmt/change/draft"
)

// Configuration is what a backup takes of change control, and gives back to it.
type Configuration interface {
	// Documents are the text in force with its revision, and the pending one, nil if there is none.
	Documents(ctx context.Context) (active []byte, revision uint64, pending []byte, err error)
	// History is former revisions with their text, one JSON object a line, the newest first.
	History(ctx context.Context) ([]byte, error)
	// Put makes a document the pending one, on behalf of somebody. With dry it is only checked.
	Put(ctx context.Context, who string, text []byte, dry bool) error
}

// Of is the configuration of change control.
func Of(s *change.Service) Configuration { return service{s} }

type service struct{ *change.Service }

func (s service) Documents(context.Context) (active []byte, revision uint64, pending []byte, err error) {
	st := s.State()
	active = s.Draft(change.ActiveOne).YAML()
	if st.Pending != nil {
		pending = s.Draft(change.PendingOne).YAML()
	}
	return active, st.Active.Revision, pending, nil
}

// formerRevision is a line of the history.
type formerRevision struct {
	change.Revision
	Text string `json:"text,omitempty"`
}

func (s service) History(ctx context.Context) ([]byte, error) {
	page, err := s.Service.History(ctx, 0, maxHistory)
	if err != nil {
		return nil, fmt.Errorf("backup: history: %w", err)
	}
	var b bytes.Buffer
	for _, r := range page.Revisions {
		text, err := s.Text(ctx, r.Revision)
		if err != nil {
			text = nil // it is not kept any more, or the database is away: what is known of it is worth a line
		}
		if b.Len()+len(text) > MaxContent/4 {
			break
		}
		line, err := json.Marshal(formerRevision{r, string(text)})
		if err != nil {
			return nil, fmt.Errorf("backup: revision %d: %w", r.Revision, err)
		}
		b.Write(append(line, '\n'))
	}
	return b.Bytes(), nil
}

func (s service) Put(ctx context.Context, who string, text []byte, dry bool) error {
	d, err := draft.Parse("the backup's policy", text)
	if err != nil {
		return bad("has a policy that cannot be read")
	}
	_, err = s.Service.Put(ctx, who, d, dry, nil)
	return err
}
