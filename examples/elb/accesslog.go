package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/gotribes/tribes/examples/internal/gateway"
)

// accessLog makes what writes a line for each request; nil is nothing. What
// clients say is in attributes, which the handlers of slog quote.
func accessLog(form string, out io.Writer) func(*gateway.Record) {
	var handler slog.Handler
	switch form {
	case "text":
		handler = slog.NewTextHandler(out, nil)
	case "json":
		handler = slog.NewJSONHandler(out, nil)
	default:
		return nil
	}
	log := slog.New(handler)
	return func(r *gateway.Record) {
		seconds := func(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }
		attributes := []slog.Attr{
			slog.String("client", r.Client), slog.String("method", r.Method), slog.String("host", r.Host),
			slog.String("path", r.Path), slog.String("proto", r.Proto), slog.Int("status", r.Status),
			slog.Int64("bytes", r.Bytes), slog.Float64("first_byte_seconds", seconds(r.FirstByte)),
			slog.Float64("seconds", seconds(r.Took)), slog.String("domain", r.Domain),
		}
		if r.SubDomain != "" {
			attributes = append(attributes, slog.String("sub_domain", r.SubDomain))
		}
		if r.Tries > 0 {
			attributes = append(attributes, slog.String("member", r.Address), slog.Int("tries", r.Tries))
		}
		if r.Fault {
			attributes = append(attributes, slog.Bool("fault", true))
		}
		log.LogAttrs(context.Background(), slog.LevelInfo, "request", attributes...)
	}
}
