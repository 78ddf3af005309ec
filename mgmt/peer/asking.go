package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// MethodAsked is what another role answers: a Question of a node.
const MethodAsked = "peer.asked"

// Question goes to a node, or came from one.
type Question struct {
	Node string `json:"node"`
	Body []byte `json:"body"`
}

// handleAsk puts a question of another role to a node. Questions and answers are JSON.
func (r *Role) handleAsk(ctx context.Context, request []byte) (any, error) {
	var q Question
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, fmt.Errorf("peer: question: %w", err)
	}
	c := r.cluster.Load()
	if c == nil {
		return nil, errors.New("peer: this node has no peers")
	}
	b, err := c.asker.Call(ctx, q.Node, q.Body)
	return json.RawMessage(b), err
}

// asked has another role answer the question of a node.
func (r *Role) asked(ctx context.Context, from string, body []byte) ([]byte, error) {
	if r.o.Answer == nil {
		return nil, errors.New("nobody here answers")
	}
	q, err := json.Marshal(Question{Node: from, Body: body})
	if err != nil {
		return nil, fmt.Errorf("peer: question: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return r.o.Answer(ctx, q)
}
