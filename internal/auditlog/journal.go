package auditlog

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"
)

// JournalFileName is the name of the journal in the service's directory.
const JournalFileName = "audit-journal.txt"

// JournalEntry names a row that was committed: by its correlation id, and by the hash of its columns without seq, which
// the database gives.
type JournalEntry struct {
	Correlation string
	Content     Hash
}

// Journal is a file with the rows that this service committed and has not found under a checkpoint yet. It closes the
// second between a commit and its checkpoint, in which a row could be removed without a trace: the service, and a
// verification, demand every row of the journal. It is written after the commit and not synced: the database is ahead
// of it after any crash.
type Journal struct {
	path string

	mu      sync.Mutex
	written []byte                 // lines that are not in the file yet
	rounds  map[JournalEntry]int64 // the rows that were not found yet, with the round of sealing in which they came
	round   int64
	lost    map[JournalEntry]bool // rows that a checkpoint should cover and does not
	checked int64                 // the last row up to which the journal was compared
	bytes   int64                 // size of the file
	wake    chan struct{}
}

const (
	// maxJournalled bounds the rows that wait for a checkpoint. When sealing is stalled for so long, there is an alarm.
	maxJournalled = 200_000
	// maxJournalBytes is the size at which the file begins anew.
	maxJournalBytes = 1 << 20
	maxEntryBytes   = 200
	checkedPrefix   = "checked "
)

// OpenJournal reads what an earlier process left in the journal of a service. Begin must follow.
func OpenJournal(path string) (*Journal, error) {
	entries, checked, err := readJournal(path)
	if err != nil {
		return nil, err
	}
	j := &Journal{path: path, rounds: make(map[JournalEntry]int64), lost: make(map[JournalEntry]bool), checked: checked,
		wake: make(chan struct{}, 1)}
	for _, entry := range entries {
		j.rounds[entry] = 0
	}
	return j, nil
}

// readJournal reads the entries of a journal, and the last row up to which it was compared. A last line that a crash
// cut short counts as absent.
func readJournal(path string) (entries []JournalEntry, checked int64, err error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("audit journal: %w", err)
	}
	for line := range bytes.Lines(data) {
		text, whole := strings.CutSuffix(string(line), "\n")
		if number, isChecked := strings.CutPrefix(text, checkedPrefix); isChecked && whole {
			checked, _ = strconv.ParseInt(number, 10, 64) // 0 compares more
			continue
		}
		content, correlation, separated := strings.Cut(text, " ")
		entry := JournalEntry{Correlation: correlation}
		if decoded, err := hex.DecodeString(content); whole && separated && err == nil && len(decoded) == len(entry.Content) {
			copy(entry.Content[:], decoded)
			entries = append(entries, entry)
		}
	}
	return entries, checked, nil
}

func (e JournalEntry) line() string {
	return hex.EncodeToString(e.Content[:]) + " " + e.Correlation + "\n"
}

// Begin begins the file anew, without a line that a crash cut short. A journal without rows begins after the last
// sealed row, instead of comparing the whole log.
func (j *Journal) Begin(sealed int64) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.rounds) == 0 {
		j.checked = max(j.checked, sealed)
	}
	return j.rewriteLocked()
}

// Add notes a committed row. It never waits for the file.
func (j *Journal) Add(entry JournalEntry) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.rounds) >= maxJournalled {
		return
	}
	j.rounds[entry] = j.round
	j.written = append(j.written, entry.line()...)
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Run writes what was noted, all that is there at once, until ctx ends.
func (j *Journal) Run(ctx context.Context, failed func(error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.wake:
			if err := j.flush(); err != nil {
				failed(err)
			}
		}
	}
}

func (j *Journal) flush() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.flushLocked()
}

func (j *Journal) flushLocked() error {
	if len(j.written) == 0 {
		return nil
	}
	file, err := os.OpenFile(j.path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("audit journal: %w", err)
	}
	n, err := file.Write(j.written)
	j.bytes += int64(n)
	j.written = j.written[:0]
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("audit journal: %w", err)
	}
	return nil
}

// BeginRound begins a round of sealing: the rows noted so far were committed before it.
func (j *Journal) BeginRound() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.round++
}

// Compare reads the rows up to the last sealed one. If everything that was committed before the round is sealed now,
// the journal's rows of that time must be among them; those that are not are lost. It returns the number of all lost
// rows.
func (j *Journal) Compare(ctx context.Context, source Reader, sealedUpTo int64, everything bool) (int, error) {
	for after := j.readChecked(); after < sealedUpTo; {
		page, err := source.AuditRows(ctx, after, pageSize)
		if err != nil {
			return 0, err //nolint:wrapcheck // the store says what failed
		}
		if len(page) == 0 {
			break
		}
		for i := range page {
			if page[i].Seq <= sealedUpTo {
				after = page[i].Seq
			}
		}
		j.find(page, after)
		if page[len(page)-1].Seq > sealedUpTo {
			break
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if everything {
		for entry, round := range j.rounds {
			if round < j.round {
				j.lost[entry] = true
				delete(j.rounds, entry)
			}
		}
	}
	if j.bytes > maxJournalBytes+maxEntryBytes*int64(len(j.rounds)+len(j.lost)) {
		return len(j.lost), j.rewriteLocked()
	}
	return len(j.lost), nil
}

func (j *Journal) readChecked() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.checked
}

// find removes the rows of a page up to a sequence number.
func (j *Journal) find(page []Row, upTo int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range page {
		if page[i].Seq <= upTo {
			delete(j.rounds, page[i].journalEntry())
		}
	}
	j.checked = upTo
}

func (row *Row) journalEntry() JournalEntry { return JournalEntry{row.Correlation, row.Content} }

// Close writes what is left of the journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.rewriteLocked()
}

// rewriteLocked begins the file anew, with what was not found yet and what is lost.
func (j *Journal) rewriteLocked() error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s%d\n", checkedPrefix, j.checked)
	for entry := range j.lost {
		text.WriteString(entry.line())
	}
	for entry := range j.rounds {
		text.WriteString(entry.line())
	}
	temporary := j.path + ".new"
	err := os.WriteFile(temporary, text.Bytes(), 0o600)
	if err == nil {
		err = os.Rename(temporary, j.path)
	}
	if err != nil {
		return fmt.Errorf("audit journal: %w", err)
	}
	j.bytes, j.written = int64(text.Len()), j.written[:0]
	return nil
}

// AttachJournal makes a verification with this snapshot demand every row of a journal, if there is one.
func (a *AnchorSnapshot) AttachJournal(path string) error {
	entries, _, err := readJournal(path)
	if err != nil {
		return err
	}
	a.journal = make(map[JournalEntry]bool, len(entries))
	for _, entry := range entries {
		a.journal[entry] = true
	}
	return nil
}
