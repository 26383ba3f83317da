package batch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// Watcher sends each file that is put into the inbox of a folder, one after the other, and moves it to where it can be
// seen how it ended. It may be killed at any moment: what it had taken is taken up again, from its journal.
type Watcher struct {
	Directory string
	SkipBad   bool
	Settle    time.Duration  // how long a file must not have changed to count as complete
	Poll      time.Duration  // how often the inbox is looked into
	Options   func() Options // asked for with each file, because a day may have begun
	Sender    Sender         // a new one is made of it for each file
	Log       *slog.Logger
	Now       func() time.Time
}

// progressEvery is how often a line tells how far a file is.
const progressEvery = 10 * time.Second

// Run watches until the context ends, which is no error: what is on its way then has its answer. While nobody answers it
// waits. It ends with an error when the caller himself is refused, and when a file cannot be moved or written.
func (w *Watcher) Run(ctx context.Context) error {
	f := folders{w.Directory}
	lock, err := f.open()
	if err != nil {
		return err
	}
	err = w.watch(ctx, f)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		w.Log.LogAttrs(ctx, slog.LevelInfo, "stopped")
		err = nil
	}
	return errors.Join(err, lock.Close())
}

// watch goes on until there is an error, and be it that of the context.
func (w *Watcher) watch(ctx context.Context, f folders) error {
	w.Log.LogAttrs(ctx, slog.LevelInfo, "watching", slog.String("folder", w.Directory))
	if err := w.resume(ctx, f); err != nil {
		return err
	}
	seen, told := arrivals{}, map[string]string{}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		files, err := f.files(inbox)
		if err != nil {
			return err
		}
		name := seen.next(files, w.Now(), w.Settle)
		if name == "" {
			w.Sender.Pause(ctx, w.Poll)
			continue
		}
		delete(seen, name)
		taken, err := f.take(name)
		if err != nil { // somebody has it open, or took it away
			if told[name] != err.Error() {
				told[name] = err.Error()
				w.Log.LogAttrs(ctx, slog.LevelWarn, "cannot take it yet", slog.String("file", name), slog.String("error", err.Error()))
			}
			w.Sender.Pause(ctx, w.Poll)
			continue
		}
		delete(told, name)
		w.Log.LogAttrs(ctx, slog.LevelInfo, "taken", slog.String("file", name), slog.String("as", taken))
		if err = f.sync(inbox, sending); err != nil {
			return err
		}
		if err = w.process(ctx, f, taken); err != nil {
			return fmt.Errorf("%s: %w", taken, err)
		}
	}
}

// resume takes up what an earlier process had taken.
func (w *Watcher) resume(ctx context.Context, f folders) error {
	if err := f.sweep(); err != nil {
		return err
	}
	files, err := f.files(sending)
	if err != nil {
		return err
	}
	for _, info := range files {
		w.Log.LogAttrs(ctx, slog.LevelInfo, "taken up again", slog.String("file", info.Name()))
		if err = w.process(ctx, f, info.Name()); err != nil {
			return fmt.Errorf("%s: %w", info.Name(), err)
		}
	}
	return nil
}

// process sends a file and moves it. After an error, also that of the context, the file is still where it is taken up again.
func (w *Watcher) process(ctx context.Context, f folders, name string) error {
	for {
		before, err := f.state(name)
		if err != nil {
			return err
		}
		file, err := ReadFile(f.path(sending, name), w.Options())
		if err != nil {
			return w.putAside(ctx, f, name, err)
		}
		journal, err := OpenJournal(f.journal(name))
		if err != nil {
			return err
		}
		if err = errors.Join(w.send(ctx, name, file, journal), journal.Close()); err != nil {
			return err
		}
		after, err := f.state(name)
		if err != nil {
			return err
		}
		if before == after {
			return w.finish(ctx, f, name, file, journal)
		}
		// Whoever copied it had paused for longer than a file must be still.
		w.Log.LogAttrs(ctx, slog.LevelWarn, "was written to, read again", slog.String("file", name))
		w.Sender.Pause(ctx, w.Poll)
	}
}

// finish moves a file to where its ending belongs.
func (w *Watcher) finish(ctx context.Context, f folders, name string, file *File, journal *Journal) error {
	e := file.ending(journal)
	folder, beside := done, map[string][]byte{resultsEnding: file.Results(journal)}
	if !e.good() {
		folder = failed
		beside[whyEnding] = []byte(e.explain(name))
	}
	if len(file.Rows) == 0 {
		delete(beside, resultsEnding)
	}
	if err := f.finish(name, folder, beside); err != nil {
		return err
	}
	level := slog.LevelInfo
	if folder == failed {
		level = slog.LevelWarn
	}
	w.Log.LogAttrs(ctx, level, "moved", slog.String("file", name), slog.String("to", folder), slog.Int("accepted", e.accepted),
		slog.Int("refused", len(e.refused)), slog.Int("not_sent", e.notSent), slog.Int("faults", len(file.Faults)))
	return nil
}

// putAside moves a file that cannot be read.
func (w *Watcher) putAside(ctx context.Context, f folders, name string, cause error) error {
	why := cause.Error()
	if path, ok := errors.AsType[*fs.PathError](cause); ok {
		why = path.Err.Error() // without the place, from which it goes
	}
	if err := f.finish(name, failed, map[string][]byte{whyEnding: []byte(explainUnread(name, why))}); err != nil {
		return err
	}
	w.Log.LogAttrs(ctx, slog.LevelWarn, "moved", slog.String("file", name), slog.String("to", failed), slog.String("error", why))
	return nil
}

// send sends what of a file has no answer yet, unless it has faults and is to be sent as a whole. While nobody answers it
// waits.
func (w *Watcher) send(ctx context.Context, name string, f *File, journal *Journal) error {
	pending, _ := f.Pending(journal, false)
	w.Log.LogAttrs(ctx, slog.LevelInfo, "read", slog.String("file", name), slog.String("encoding", f.Encoding), slog.Int("rows", len(f.Rows)),
		slog.Int("notifications", len(f.Notifications)), slog.Int("faults", len(f.Faults)), slog.Int("pending", len(pending)))
	if len(f.Faults) > 0 && !w.SkipBad {
		return nil
	}
	s := w.Sender
	s.Journal = journal
	file := slog.String("file", name)
	var away atomic.Bool
	s.Delayed = func(err error) {
		if away.CompareAndSwap(false, true) {
			w.Log.LogAttrs(ctx, slog.LevelWarn, "no answer, waiting", file, slog.String("error", onOneLine(err.Error())))
		}
	}
	last := w.Now()
	s.Progress = func(p Progress) {
		if away.CompareAndSwap(true, false) {
			w.Log.LogAttrs(ctx, slog.LevelInfo, "answers again", file)
		}
		if now := w.Now(); now.Sub(last) >= progressEvery {
			last = now
			w.Log.LogAttrs(ctx, slog.LevelInfo, "sending", file, slog.Int("accepted", p.Accepted), slog.Int("refused", p.Refused), slog.Int("of", p.Total))
		}
	}
	for {
		_, err := s.Run(ctx, pending)
		if err == nil || !errors.Is(err, ErrNoAnswer) {
			return err
		}
		w.Log.LogAttrs(ctx, slog.LevelWarn, "still no answer, waiting", file, slog.String("error", onOneLine(err.Error())))
		s.Pause(ctx, longestPause)
		pending = slices.DeleteFunc(pending, func(n *Notification) bool {
			_, answered := journal.Of(n.Reference)
			return answered
		})
	}
}
