package transport

import (
	"context"
	"fmt"
)

const (
	// asksServed bounds the connections of those who only ask that a node has
	// at the same time, from their handshakes on.
	asksServed = 8

	// MaxQuestion bounds the payload of a frame that comes from who only asks,
	// in bytes.
	MaxQuestion = 4 << 10
)

// Ask connects to address as one who only asks: after the same handshake as
// that of Dial, but without regard to heartbeats and drop times, as neither
// side watches the other. What is asked, and how, is for the owners of both
// ends. A node of a version that knows no such connections, or one without
// Config.Asked, refuses it with CodeMalformed; it answers a Look all the same.
//
// The link must be given to Start or closed.
func (e *Endpoint) Ask(ctx context.Context, address string) (*Link, error) {
	return e.link(ctx, address, ID{}, PurposeAsk)
}

// beginAsk takes a place for one who asks, or says why there is none.
func (h *handshake) beginAsk() *RefusedError {
	e := h.endpoint
	if e.cfg.Asked == nil {
		return &RefusedError{Code: CodeMalformed, Address: h.address, Text: fmt.Sprintf("unknown purpose %d", h.peer.Purpose)}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asking >= asksServed {
		return &RefusedError{Code: CodeBusy, Address: h.address,
			Text: fmt.Sprintf("%d others are asking; try again later", asksServed)}
	}
	e.asking++
	h.asks = true
	return nil
}

// endAsk gives the place of a connection back, once. Needs mu.
func (e *Endpoint) endAsk(has *bool) {
	if *has {
		*has = false
		e.asking--
	}
}
