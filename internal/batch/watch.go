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
	Directory      string
	StateDirectory string // private, for the journals of this folder alone
	SkipBad        bool
	SettleTime     time.Duration  // a file that is unchanged for this long counts as complete
	PollInterval   time.Duration  // interval between two looks into the inbox
	CurrentOptions func() Options // called for each file, because the date may have changed
	Sender         Sender         // copied for each file
	Log            *slog.Logger
	Now            func() time.Time
}

// progressLogInterval is the minimum time between two log lines about the progress of a file.
const progressLogInterval = 10 * time.Second

// Run watches until ctx ends, which is not an error; requests in flight finish first. It waits while the service is
// unreachable. It returns an error when the caller is rejected, or when a file cannot be moved or written.
func (w *Watcher) Run(ctx context.Context) error {
	f, lock, err := openAndLock(w.Directory, w.StateDirectory)
	if err != nil {
		return err
	}
	err = w.watchInbox(ctx, f)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		w.Log.LogAttrs(ctx, slog.LevelInfo, "stopped")
		err = nil
	}
	return errors.Join(err, lock.Close(), f.close())
}

// watchInbox runs until there is an error, including that of ctx.
func (w *Watcher) watchInbox(ctx context.Context, f *watchedFolders) error {
	w.Log.LogAttrs(ctx, slog.LevelInfo, "watching", slog.String("folder", w.Directory))
	if err := w.resumeSending(ctx, f); err != nil {
		return err
	}
	snapshot, lastErrors := inboxSnapshot{}, map[string]string{}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.checkFolders(); err != nil {
			return fmt.Errorf("the watched folder: %w", err)
		}
		files, linked, err := f.listFiles(folderInbox)
		if err != nil {
			return err
		}
		for _, name := range linked {
			w.logUntaken(ctx, lastErrors, name, errSeveralName)
		}
		name := snapshot.nextSettledFile(files, w.Now(), w.SettleTime)
		if name == "" {
			w.Sender.Sleep(ctx, w.PollInterval)
			continue
		}
		delete(snapshot, name)
		sendingName, err := f.moveToSending(name)
		if err != nil { // another process has it open, or removed it
			w.logUntaken(ctx, lastErrors, name, err)
			w.Sender.Sleep(ctx, w.PollInterval)
			continue
		}
		delete(lastErrors, name)
		w.Log.LogAttrs(ctx, slog.LevelInfo, "taken", slog.String("file", name), slog.String("as", sendingName))
		if err = f.syncMove(folderInbox, folderSending); err != nil {
			return err
		}
		if err = w.processFile(ctx, f, sendingName); err != nil {
			return fmt.Errorf("%s: %w", sendingName, err)
		}
	}
}

// logUntaken logs why a file stays in the inbox, once for each reason.
func (w *Watcher) logUntaken(ctx context.Context, lastErrors map[string]string, name string, cause error) {
	if lastErrors[name] == cause.Error() {
		return
	}
	if len(lastErrors) >= maxUntakenNames {
		clear(lastErrors)
	}
	lastErrors[name] = cause.Error()
	w.Log.LogAttrs(
		ctx, slog.LevelWarn, "cannot take it yet", slog.String("file", name), slog.String("error", cause.Error()),
	)
}

// maxUntakenNames bounds the names that are remembered, of files that stay in the inbox.
const maxUntakenNames = 1000

// resumeSending processes the files that an earlier process left in folderSending.
func (w *Watcher) resumeSending(ctx context.Context, f *watchedFolders) error {
	files, linked, err := f.listFiles(folderSending)
	if err != nil {
		return err
	}
	names := linked // which processFile moves away
	for _, info := range files {
		names = append(names, info.Name())
	}
	for _, name := range names {
		w.Log.LogAttrs(ctx, slog.LevelInfo, "taken up again", slog.String("file", name))
		if err = w.processFile(ctx, f, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// processFile sends a file and moves it. After an error, including that of ctx, the file is still in folderSending,
// from which the next run resumes.
func (w *Watcher) processFile(ctx context.Context, f *watchedFolders, name string) error {
	for {
		file, before, err := f.readSending(name, w.CurrentOptions())
		if err != nil {
			return w.moveUnreadable(ctx, f, name, err)
		}
		journal, err := OpenJournal(f.journalPath(name))
		if err != nil {
			return err
		}
		if err = errors.Join(w.sendFile(ctx, name, file, journal), journal.Close()); err != nil {
			return err
		}
		after, err := f.statSending(name)
		if err != nil {
			return err
		}
		if before == after {
			return w.finishFile(ctx, f, name, file, journal)
		}
		// The program that copied the file paused for longer than SettleTime.
		w.Log.LogAttrs(ctx, slog.LevelWarn, "was written to, read again", slog.String("file", name))
		w.Sender.Sleep(ctx, w.PollInterval)
	}
}

// finishFile moves a file to the subfolder of its outcome.
func (w *Watcher) finishFile(ctx context.Context, f *watchedFolders, name string, file *File, journal *Journal) error {
	e := file.computeOutcome(journal)
	folder, files := folderDone, map[string][]byte{resultsSuffix: file.ResultsCSV(journal)}
	if !e.isAllAccepted() {
		folder = folderFailed
		files[reasonSuffix] = []byte(e.explainFailure(name))
	}
	if len(file.Rows) == 0 {
		delete(files, resultsSuffix)
	}
	if err := f.moveWithResults(name, folder, files); err != nil {
		return err
	}
	level := slog.LevelInfo
	if folder == folderFailed {
		level = slog.LevelWarn
	}
	w.Log.LogAttrs(ctx, level, "moved", slog.String("file", name),
		slog.String("to", folder), slog.Int("accepted", e.accepted),
		slog.Int("refused", len(e.refused)), slog.Int("not_sent", e.notSent), slog.Int("faults", len(file.RowErrors)))
	return nil
}

// moveUnreadable moves a file that cannot be read to folderFailed.
func (w *Watcher) moveUnreadable(ctx context.Context, f *watchedFolders, name string, cause error) error {
	reason := cause.Error()
	if path, ok := errors.AsType[*fs.PathError](cause); ok {
		reason = path.Err.Error() // without the path, which is no longer valid
	}
	if err := f.moveWithResults(
		name, folderFailed, map[string][]byte{reasonSuffix: []byte(explainUnreadable(name, reason))},
	); err != nil {
		return err
	}
	w.Log.LogAttrs(
		ctx, slog.LevelWarn, "moved", slog.String("file", name), slog.String("to", folderFailed),
		slog.String("error", reason),
	)
	return nil
}

// sendFile sends the notifications of a file that have no answer yet. It sends nothing if the file has errors, unless
// SkipBad is set. It waits while the service is unreachable.
func (w *Watcher) sendFile(ctx context.Context, name string, f *File, journal *Journal) error {
	pending, _ := f.Pending(journal, false)
	w.Log.LogAttrs(ctx, slog.LevelInfo, "read", slog.String("file", name), slog.String("encoding", f.Encoding),
		slog.Int("rows", len(f.Rows)),
		slog.Int("notifications", len(f.Notifications)), slog.Int("faults", len(f.RowErrors)),
		slog.Int("pending", len(pending)))
	if len(f.RowErrors) > 0 && !w.SkipBad {
		return nil
	}
	s := w.Sender
	s.Journal = journal
	file := slog.String("file", name)
	var unreachable atomic.Bool
	s.OnRetry = func(err error) {
		if unreachable.CompareAndSwap(false, true) {
			w.Log.LogAttrs(ctx, slog.LevelWarn, "no answer, waiting", file, slog.String("error", toSingleLine(err.Error())))
		}
	}
	lastLogged := w.Now()
	s.OnProgress = func(p Progress) {
		if unreachable.CompareAndSwap(true, false) {
			w.Log.LogAttrs(ctx, slog.LevelInfo, "answers again", file)
		}
		if now := w.Now(); now.Sub(lastLogged) >= progressLogInterval {
			lastLogged = now
			w.Log.LogAttrs(
				ctx, slog.LevelInfo, "sending", file, slog.Int("accepted", p.Accepted), slog.Int("refused", p.Refused),
				slog.Int("of", p.Total),
			)
		}
	}
	for {
		_, err := s.Run(ctx, pending)
		if !errors.Is(err, ErrNoAnswer) && !errors.Is(err, ErrServiceFails) {
			return err
		}
		w.Log.LogAttrs(ctx, slog.LevelWarn, "still no answer, waiting", file, slog.String("error", toSingleLine(err.Error())))
		s.Sleep(ctx, maxBackoff)
		pending = slices.DeleteFunc(pending, func(n *Notification) bool {
			_, answered := journal.Entry(n.Reference)
			return answered
		})
	}
}
