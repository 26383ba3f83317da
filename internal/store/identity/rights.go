package identity

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strconv"

	"github.com/openctr/ctr/internal/store/engine"
)

// Rows that give rights are plain, because they are searched. So that nobody who writes to the database gives rights,
// each has a seal: the id of a key of the ring, followed by an HMAC of its columns under that key. A row without a good
// seal gives no right. A seal does not tell that a row was removed, or set back: the sum of all seals of a table does,
// which is sealed too and counted up with each change. The events of the changes in the audit log commit to it.

// SealedRow is a row with a seal.
type SealedRow interface{ SealedColumns() SealedColumns }

// SealedColumns are the columns of a row. An empty value is left out of the seal, so that a column that is added later
// does not change the seals of rows that lack it.
type SealedColumns struct {
	Table  string
	Names  []string
	Values []any // texts and integers
	Seal   []byte
}

const sealSize = sha256.Size

func appendField(buf []byte, field string) []byte {
	return append(binary.BigEndian.AppendUint32(buf, uint32(len(field))), field...) //nolint:gosec // a column is short
}

func columnText(value any) string {
	if number, isNumber := value.(int64); isNumber {
		if number == 0 {
			return ""
		}
		return strconv.FormatInt(number, 10)
	}
	return fmt.Sprint(value)
}

func (c *SealedColumns) encodeColumns() []byte {
	buf := appendField(appendField(nil, "ctr rights row 1"), c.Table)
	for i, name := range c.Names {
		if text := columnText(c.Values[i]); text != "" {
			buf = appendField(appendField(buf, name), text)
		}
	}
	return buf
}

func computeHMAC(key, content []byte) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write(content) // never fails
	return mac.Sum(nil)
}

// sealContent returns the seal of an encoded row or total.
func (k *ringKey) sealContent(content []byte) []byte {
	return append([]byte(k.ID), computeHMAC(k.rightsKey, content)...)
}

// sealKey returns the key that made a seal, or nil.
func (k *keyRing) sealKey(seal []byte) *ringKey {
	if len(seal) <= sealSize {
		return nil
	}
	key, err := k.findKey(string(seal[:len(seal)-sealSize]))
	if err != nil {
		return nil
	}
	return key
}

func (k *keyRing) isSealOf(seal, content []byte) bool {
	key := k.sealKey(seal)
	return key != nil && hmac.Equal(key.sealContent(content), seal)
}

// keepSealed returns the rows that give rights. Rows of tables that give none are kept as they are.
func keepSealed[R any](tx *Tx, rows []R) []R {
	if len(rows) == 0 {
		return rows
	}
	if _, isSealed := any(rows[0]).(SealedRow); !isSealed {
		return rows
	}
	kept := make([]R, 0, len(rows))
	for _, row := range rows {
		if sealed, _ := any(row).(SealedRow); tx.IsSealed(sealed) {
			kept = append(kept, row)
		}
	}
	return kept
}

// IsSealed reports whether a row is as this program wrote it. It notes one that is not.
func (tx *Tx) IsSealed(row SealedRow) bool {
	columns := row.SealedColumns()
	if tx.ring.isSealOf(columns.Seal, columns.encodeColumns()) {
		return true
	}
	if tx.onUnsealed != nil {
		tx.onUnsealed(columns.Table)
	}
	return false
}

// LockRights makes other transactions wait that change rows that give rights, until this one ends. It comes before a
// row is read that is to be replaced: what another transaction does to that row meanwhile would not be counted.
func (tx *Tx) LockRights() error {
	if tx.ownsRights || tx.Kind() == engine.SQLite {
		return nil
	}
	var names []string
	err := tx.SelectRows(&names, `SELECT name FROM rights_total ORDER BY name`+tx.ForUpdate())
	tx.ownsRights = err == nil
	return err
}

// SealRow returns the seal of a row that takes the place of one with another seal, which is empty for a new row, and
// notes the change. It returns false if the row is there already.
func (tx *Tx) SealRow(columns SealedColumns, former []byte) ([]byte, bool, error) {
	key, err := tx.sealingKey()
	if err != nil {
		return nil, false, err
	}
	seal := key.sealContent(columns.encodeColumns())
	if bytes.Equal(seal, former) {
		return seal, false, nil
	}
	change := tx.rightsChange(columns.Table)
	change.isCounted = true
	change.replaceSeal(tx.ring, former, seal)
	return seal, true, nil
}

// NoteRemoval notes that a row was removed.
func (tx *Tx) NoteRemoval(row SealedColumns) {
	change := tx.rightsChange(row.Table)
	change.isCounted = true
	change.rows--
	change.total = change.total.subtractTotal(tx.ring.elementOf(row.Seal))
}

// sealingKey returns the current key.
func (tx *Tx) sealingKey() (*ringKey, error) {
	if tx.rightsKey == nil {
		id, err := CurrentKeyID(tx.Tx)
		if err != nil {
			return nil, err
		}
		if tx.rightsKey, err = tx.ring.findKey(id); err != nil {
			return nil, tx.RecordError(err)
		}
	}
	return tx.rightsKey, nil
}

// total is a sum modulo 2²⁵⁶. Its elements are keyed hashes that are stored nowhere, so that nobody can find other rows
// with the same sum.
type total [4]uint64

func parseTotal(b []byte) total {
	var t total
	for i := range t {
		if len(b) == sealSize {
			t[i] = binary.BigEndian.Uint64(b[8*i:])
		}
	}
	return t
}

func (t total) toBytes() []byte {
	var b []byte
	for _, word := range t {
		b = binary.BigEndian.AppendUint64(b, word)
	}
	return b
}

func (t total) addTotal(other total) total {
	carry := uint64(0)
	for i := len(t) - 1; i >= 0; i-- {
		t[i], carry = bits.Add64(t[i], other[i], carry)
	}
	return t
}

func (t total) subtractTotal(other total) total {
	borrow := uint64(0)
	for i := len(t) - 1; i >= 0; i-- {
		t[i], borrow = bits.Sub64(t[i], other[i], borrow)
	}
	return t
}

// elementOf returns what a row with a seal adds to the total, zero for a seal that no key of the ring made.
func (k *keyRing) elementOf(seal []byte) total {
	if key := k.sealKey(seal); key != nil {
		return parseTotal(computeHMAC(key.totalKey, seal))
	}
	return total{}
}

// rightsChange is what a transaction has changed in a table.
type rightsChange struct {
	rows      int64
	total     total // to add
	isCounted bool  // false if the rows mean the same as before
}

func (tx *Tx) rightsChange(table string) *rightsChange {
	if tx.rights == nil {
		tx.rights = make(map[string]*rightsChange)
	}
	if tx.rights[table] == nil {
		tx.rights[table] = &rightsChange{}
	}
	return tx.rights[table]
}

func (c *rightsChange) replaceSeal(ring *keyRing, former, seal []byte) {
	if former == nil {
		c.rows++
	}
	c.total = c.total.subtractTotal(ring.elementOf(former)).addTotal(ring.elementOf(seal))
}

// totalRow is a row of rights_total.
type totalRow struct {
	Table   string `db:"name"`
	Changes int64  `db:"changes"`
	Rows    int64  `db:"row_count"`
	Total   []byte `db:"total"`
	Seal    []byte `db:"seal"`
}

func (r *totalRow) encodeColumns() []byte {
	return (&SealedColumns{Table: "rights_total", Names: []string{"name", "changes", "row_count", "total"},
		Values: []any{r.Table, r.Changes, r.Rows, string(r.Total)}}).encodeColumns()
}

const selectTotals = `SELECT name, changes, row_count, total, seal FROM rights_total ORDER BY name`

// CommitRights seals the totals of the tables that the transaction has changed. It returns a digest of how often each
// table was changed, for the audit log, which no later state has again; false if no table was changed.
func (tx *Tx) CommitRights() (digest [32]byte, isChanged bool, err error) {
	if len(tx.rights) == 0 {
		return digest, false, nil
	}
	key, err := tx.sealingKey()
	if err != nil {
		return digest, false, err
	}
	var rows []totalRow
	if err = tx.SelectRows(&rows, selectTotals+tx.ForUpdate()); err != nil {
		return digest, false, err
	}
	for i := range rows {
		change := tx.rights[rows[i].Table]
		if change == nil {
			continue
		}
		isChanged = isChanged || change.isCounted
		if err = tx.updateTotal(&rows[i], change, key); err != nil {
			return digest, false, err
		}
	}
	tx.rights = nil
	return digestTotals(rows), isChanged, nil
}

// updateTotal leaves a total as it is that somebody else changed: its seal must not become good again.
func (tx *Tx) updateTotal(row *totalRow, change *rightsChange, key *ringKey) error {
	if !tx.ring.isSealOf(row.Seal, row.encodeColumns()) {
		if tx.onUnsealed != nil {
			tx.onUnsealed("rights_total")
		}
		return nil
	}
	if change.isCounted {
		row.Changes++
	}
	row.Rows += change.rows
	row.Total = parseTotal(row.Total).addTotal(change.total).toBytes()
	row.Seal = key.sealContent(row.encodeColumns())
	_, err := tx.ExecStatement(`UPDATE rights_total SET changes = ?, row_count = ?, total = ?, seal = ? WHERE name = ?`,
		row.Changes, row.Rows, row.Total, row.Seal, row.Table)
	return err
}

func digestTotals(rows []totalRow) [32]byte {
	buf := appendField(nil, "ctr rights state 1")
	for i := range rows {
		for _, field := range []string{rows[i].Table, columnText(rows[i].Changes), columnText(rows[i].Rows)} {
			buf = appendField(buf, field)
		}
	}
	return sha256.Sum256(buf)
}
