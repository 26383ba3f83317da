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

// Watcher sends each file that is put into the inbox of a folder, one after the other, and moves it to a subfolder
// that shows the outcome. The process may be killed at any moment: the next one resumes from the journal.
type Watcher struct {
	Directory string
	SkipBad   bool
	Settle    time.Duration  // a file that is unchanged for this long counts as complete
	Poll      time.Duration  // interval between two looks into the inbox
	Options   func() Options // called for each file, because the date may have changed
	Sender    Sender         // copied for each file
	Log       *slog.Logger
	Now       func() time.Time
}

// progressLogInterval is the minimum time between two log lines about the progress of a file.
const progressEvery = 10 * time.Second

// Run watches until ctx ends, which is not an error; requests in flight finish first. It waits while the service is
// unreachable. It returns an error when the caller is rejected, or when a file cannot be moved or written.
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

// watchInbox runs until there is an error, including that of ctx.
func (w *Watcher) watch(ctx context.Context, f folders) error {
	w.Log.LogAttrs(ctx, slog.LevelInfo, "watching", slog.String("folder", w.Directory))
	if err := w.resume(ctx, f); err != nil {
		return err
	}
	snapshot, lastErrors := arrivals{}, map[string]string{}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		files, err := f.files(inbox)
		if err != nil {
			return err
		}
		name := snapshot.next(files, w.Now(), w.Settle)
		if name == "" {
			w.Sender.Pause(ctx, w.Poll)
			continue
		}
		delete(snapshot, name)
		sendingName, err := f.take(name)
		if err != nil { // another process has it open, or removed it
			if lastErrors[name] != err.Error() {
				lastErrors[name] = err.Error()
				w.Log.LogAttrs(ctx, slog.LevelWarn, "cannot take it yet", slog.String("file", name), slog.String("error", err.Error()))
			}
			w.Sender.Pause(ctx, w.Poll)
			continue
		}
		delete(lastErrors, name)
		w.Log.LogAttrs(ctx, slog.LevelInfo, "taken", slog.String("file", name), slog.String("as", sendingName))
		if err = f.sync(inbox, sending); err != nil {
			return err
		}
		if err = w.process(ctx, f, sendingName); err != nil {
			return fmt.Errorf("%s: %w", sendingName, err)
		}
	}
}

// resumeSending processes the files that an earlier process left in folderSending.
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

// processFile sends a file and moves it. After an error, including that of ctx, the file is still in folderSending,
// from which the next run resumes.
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
		// The program that copied the file paused for longer than SettleTime.
		w.Log.LogAttrs(ctx, slog.LevelWarn, "was written to, read again", slog.String("file", name))
		w.Sender.Pause(ctx, w.Poll)
	}
}

// finishFile moves a file to the subfolder of its outcome.
func (w *Watcher) finish(ctx context.Context, f folders, name string, file *File, journal *Journal) error {
	e := file.ending(journal)
	folder, files := done, map[string][]byte{resultsEnding: file.Results(journal)}
	if !e.good() {
		folder = failed
		files[whyEnding] = []byte(e.explain(name))
	}
	if len(file.Rows) == 0 {
		delete(files, resultsEnding)
	}
	if err := f.finish(name, folder, files); err != nil {
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

// moveUnreadable moves a file that cannot be read to folderFailed.
func (w *Watcher) putAside(ctx context.Context, f folders, name string, cause error) error {
	reason := cause.Error()
	if path, ok := errors.AsType[*fs.PathError](cause); ok {
		reason = path.Err.Error() // without the path, which is no longer valid
	}
	if err := f.finish(name, failed, map[string][]byte{whyEnding: []byte(explainUnread(name, reason))}); err != nil {
		return err
	}
	w.Log.LogAttrs(ctx, slog.LevelWarn, "moved", slog.String("file", name), slog.String("to", failed), slog.String("error", reason))
	return nil
}

// sendFile sends the notifications of a file that have no answer yet. It sends nothing if the file has errors, unless
// SkipBad is set. It waits while the service is unreachable.
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
	var unreachable atomic.Bool
	s.Delayed = func(err error) {
		if unreachable.CompareAndSwap(false, true) {
			w.Log.LogAttrs(ctx, slog.LevelWarn, "no answer, waiting", file, slog.String("error", onOneLine(err.Error())))
		}
	}
	lastLogged := w.Now()
	s.Progress = func(p Progress) {
		if unreachable.CompareAndSwap(true, false) {
			w.Log.LogAttrs(ctx, slog.LevelInfo, "answers again", file)
		}
		if now := w.Now(); now.Sub(lastLogged) >= progressEvery {
			lastLogged = now
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
