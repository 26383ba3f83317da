package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/openctr/ctr/internal/batch"
)

// pollEvery is how often the inbox of a watched folder is looked into: folders that lie on another machine tell nobody
// when something is put into them.
const pollEvery = time.Second

// watch sends what is put into a folder, until the context ends. It tells each event in a line on standard error.
func (b *batchCommand) watch(ctx context.Context, t *terminal, stderr io.Writer) error {
	c, err := t.caller()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	if t.json {
		log = slog.New(slog.NewJSONHandler(stderr, nil))
	}
	warned := t.now()
	w := &batch.Watcher{
		Directory: b.Watch, SkipBad: b.SkipBad, Settle: b.Settle, Poll: min(pollEvery, max(b.Settle, time.Second/10)),
		Sender: b.sender(c), Log: log, Now: t.now,
		Options: func() batch.Options {
			// Nobody starts it every day to be told that its certificate ends.
			if now := t.now(); now.Sub(warned) > 24*time.Hour {
				warned = now
				if warning := expiryWarning(c.client.Key.Certificate, now); warning != "" {
					log.LogAttrs(ctx, slog.LevelWarn, "certificate", slog.String("warning", warning))
				}
			}
			return b.options(t)
		},
	}
	return w.Run(ctx)
}
