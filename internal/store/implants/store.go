// Package implants stores the register of implants: notifications with their versions, implants, removals and evidence,
// and the device list. It also answers recalls, statistics and searches.
//
// Register does what needs transactions of its own. Reader and Writer implement those of the domain within one
// transaction; they include those of store/platform.
//
// Registered data never changes: triggers on the register's tables reject UPDATE and DELETE, and a revision is another
// version.
package implants

import (
	"github.com/openctr/ctr/internal/store/identity"
	"github.com/openctr/ctr/internal/store/numbers"
	platformstore "github.com/openctr/ctr/internal/store/platform"
)

// Register does what needs transactions of its own.
type Register struct{ db *identity.DB }

// NewRegister returns the register of an open database.
func NewRegister(db *identity.DB) Register { return Register{db} }

// Reader implements the register's Reader within a transaction.
type Reader struct {
	platformstore.Reader
	tx *identity.Tx
}

// NewReader returns the reader of a transaction.
func NewReader(tx *identity.Tx) Reader { return Reader{platformstore.NewReader(tx), tx} }

// Writer implements the register's Writer within a transaction.
type Writer struct {
	Reader
	platformstore.Writer
	tx *identity.Tx
	// Numbers limits the notification numbers; nil for none.
	Numbers *numbers.Watermark
	// storedPatients are the patients of the versions that this transaction stored, nil for none.
	storedPatients map[versionKey]*identity.Pseudonym
	// appended are the rows of the versions that this transaction stored.
	appended map[versionKey]*versionRows
}

// NewWriter returns the writer of a transaction.
func NewWriter(tx *identity.Tx) Writer {
	return Writer{
		Reader: NewReader(tx), Writer: platformstore.NewWriter(tx), tx: tx,
		storedPatients: make(map[versionKey]*identity.Pseudonym), appended: make(map[versionKey]*versionRows),
	}
}
