// Package numbers keeps the watermark of the notification numbers of a service, in a file outside the database: up to
// where numbers of a day may have been given. A database that lost its newest transactions, by a restore, a lost log or
// a failover, would give their numbers again, which patients hold already.
//
// It is separate from the store's SQL because it must survive what happens to the database. Writing each number down
// would cost a sync, so the file is written ahead, a step at a time (the hi-lo method).
package numbers

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"sync"
)

// FileName is the name of the file in the directory of a service.
const FileName = "number-watermark"

const (
	// step is how far the file is written ahead, and so the most numbers that a service skips after it was killed.
	step = 1000
	// Skip is how many numbers are left out when nobody knows how many were given.
	Skip = 100_000
	// slotBytes is the size of one of two slots, which are written in turn. A disk writes so few bytes whole or not at
	// all, and if it does not, the other slot counts.
	slotBytes = 512
	// maxDays bounds the days in the file. More than one matters only when the clock is set back.
	maxDays = 4
)

// Watermark says up to where numbers may have been given. A nil Watermark knows nothing and limits nothing.
type Watermark struct {
	log  *slog.Logger
	mu   sync.Mutex
	file *os.File
	seq  uint64
	days map[string]*dayLimits
	// isUncertain means that the database has given numbers that the file may not know: it was not there, or is a copy.
	isUncertain bool
	isRaised    bool
	skips       uint64
}

// dayLimits is the watermark of a day.
type dayLimits struct {
	floor    int64 // the next number must exceed it
	reserved int64 // in the file: no number above was given
	given    int64 // the highest that this process has given
	settled  bool  // the floor takes account of an uncertain file
}

// record is the content of a slot.
type record struct {
	Seq  uint64           `json:"seq"`
	File uint64           `json:"file"` // the inode that was written to
	Days map[string]int64 `json:"days"`
}

// Open opens or creates the file. hasNumbers reports whether the database has ever given a number: beside one that has,
// a missing file is no reason to begin with 1.
func Open(path string, log *slog.Logger, hasNumbers func() (bool, error)) (*Watermark, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("watermark of notification numbers: %w", err)
	}
	w := &Watermark{log: log, file: file, days: make(map[string]*dayLimits)}
	if err = w.load(); err == nil && w.isUncertain {
		w.isUncertain, err = hasNumbers()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("watermark of notification numbers: %w", err), file.Close())
	}
	return w, nil
}

// load reads the newer of the valid slots.
func (w *Watermark) load() error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	content := make([]byte, 2*slotBytes)
	n, err := w.file.ReadAt(content, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var newest record
	for begin := 0; begin+slotBytes <= n; begin += slotBytes {
		if r, ok := decodeSlot(content[begin : begin+slotBytes]); ok && r.Seq > newest.Seq {
			newest = r
		}
	}
	w.seq = newest.Seq
	w.isUncertain = newest.Seq == 0 || newest.File != inodeOf(info) || isCopied(info)
	for day, reserved := range newest.Days {
		w.days[day] = &dayLimits{floor: reserved, reserved: reserved}
	}
	return nil
}

func decodeSlot(slot []byte) (r record, ok bool) {
	sum, text, found := strings.Cut(strings.TrimRight(string(slot), " \n"), " ")
	want, err := strconv.ParseUint(sum, 16, 32)
	if !found || err != nil || uint64(crc32.ChecksumIEEE([]byte(text))) != want {
		return record{}, false
	}
	return r, json.Unmarshal([]byte(text), &r) == nil
}

// store writes the days durably.
func (w *Watermark) store() error {
	info, err := w.file.Stat()
	if err != nil {
		return err
	}
	r := record{Seq: w.seq + 1, File: inodeOf(info), Days: make(map[string]int64, len(w.days))}
	for day, m := range w.days {
		r.Days[day] = m.reserved
	}
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	slot := fmt.Sprintf("%08x %s", crc32.ChecksumIEEE(text), text)
	slot += strings.Repeat(" ", slotBytes-1-len(slot)) + "\n"
	if _, err = w.file.WriteAt([]byte(slot), int64(r.Seq%2)*slotBytes); err == nil {
		err = w.file.Sync()
	}
	if err == nil {
		w.seq = r.Seq
	}
	return err
}

// limitsOf returns the limits of a day, and forgets the oldest of too many.
func (w *Watermark) limitsOf(day string) *dayLimits {
	m, known := w.days[day]
	if !known {
		m = &dayLimits{}
		w.days[day] = m
	}
	for len(w.days) > maxDays {
		oldest := day
		for other := range w.days {
			oldest = min(oldest, other)
		}
		if oldest == day {
			break // the clock was set far back
		}
		delete(w.days, oldest)
	}
	return m
}

// Floor returns the number that the next one of a day must exceed. last is the last one that the database gave.
func (w *Watermark) Floor(day string, last int64) int64 {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.limitsOf(day)
	if w.isUncertain && !m.settled {
		m.floor = max(m.floor, last) + Skip
		m.settled = true
	}
	return m.floor
}

// Highest returns the highest number of a day that may have been given before now, as far as this process knows.
func (w *Watermark) Highest(day string) int64 {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if m, known := w.days[day]; known {
		return max(m.floor, m.given)
	}
	return 0
}

// Reserved returns the number of a day above which this service has given none.
func (w *Watermark) Reserved(day string) int64 {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if m, known := w.days[day]; known {
		return max(m.reserved, m.floor)
	}
	return 0
}

// Give takes note of a number before anybody gets it. When it fails, the number must not be given.
func (w *Watermark) Give(day string, number int64) error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.limitsOf(day)
	if number > m.reserved {
		before := m.reserved
		m.reserved = number + step
		if err := w.store(); err != nil {
			m.reserved = before
			return fmt.Errorf("watermark of notification numbers: %w", err)
		}
	}
	m.given = max(m.given, number)
	return nil
}

// Raise makes the next number of each day exceed all that may have been given, once: the database has lost something.
func (w *Watermark) Raise() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.isRaised {
		return
	}
	w.isRaised = true
	for _, m := range w.days {
		m.floor = max(m.floor, m.reserved)
	}
}

// RecordSkip tells the operator that numbers of a day were left out, because they may have been given.
func (w *Watermark) RecordSkip(day string, last, next int64) {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.skips++
	w.mu.Unlock()
	w.log.Warn("notification numbers were left out, because they may have been given already",
		slog.String("day", day), slog.Int64("after", last), slog.Int64("next", next))
}

// Skips returns how often numbers were left out.
func (w *Watermark) Skips() uint64 {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.skips
}

// Close writes down what was really given, so that an ordinary restart leaves out nothing.
func (w *Watermark) Close() error {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.days {
		if m.given > 0 {
			m.reserved = max(m.given, m.floor)
		}
	}
	err := w.store()
	if err = errors.Join(err, w.file.Close()); err != nil {
		return fmt.Errorf("watermark of notification numbers: %w", err)
	}
	return nil
}
