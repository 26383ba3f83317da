package implants

import (
	"slices"
	"strings"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/store/engine"
	"github.com/openctr/ctr/internal/store/identity"
)

var selectDevices = `SELECT d.` + strings.Join(engine.ColumnsOf[deviceRow](), ", d.") + ` FROM device d`

// DeviceByCode returns the device with a notification code.
func (r Reader) DeviceByCode(code ident.NotificationCode) (implants.Device, bool, error) {
	return identity.CachedQueryOne(r.tx, "device", deviceRow.toDevice, selectDevices+` WHERE d.code = ?`, code.Digits())
}

// DeviceByDI returns the device with a device identifier. When a product was notified again under another code, it is
// the device that is still active.
func (r Reader) DeviceByDI(di string) (implants.Device, bool, error) {
	return identity.CachedQueryOne(r.tx, "device", deviceRow.toDevice,
		selectDevices+` WHERE d.code = (`+selectCodeByDI+`?`+preferActive+`)`, di)
}

// selectCodeByDI and preferActive, with a device identifier between them, select its notification code.
const (
	selectCodeByDI = `SELECT u.code FROM device_udi u JOIN device c ON c.code = u.code WHERE u.di = `
	preferActive   = ` ORDER BY CASE c.status WHEN 'Active' THEN 0 ELSE 1 END, u.code LIMIT 1`
)

// deviceSearchText is the text in which a search looks for words. Both engines compare it byte by byte, so it is folded
// to lower case here, for all scripts. The newline between the parts prevents a word from matching across two of them.
func deviceSearchText(d *implants.Device) string {
	return strings.ToLower(strings.Join([]string{d.Name, d.Reference, d.Manufacturer, d.Distributor}, "\n"))
}

// SearchDevices returns a page of devices in the order of their codes, and their total number. A search for words scans
// the whole device list: it has about 200,000 entries, and a scan takes about 0.1 s. The second statement stops at the
// last device of the page.
func (r Reader) SearchDevices(q implants.DeviceQuery) ([]implants.Device, int, error) {
	where := &engine.Conditions{}
	where.Add(`d.code <> ''`)
	where.AddIfSet(`d.code = ?`, q.Code.Digits())
	if len(q.DIs) > 0 {
		list, readings := engine.PaddedInList(engine.ToArgs(q.DIs))
		where.Add(`d.code IN (SELECT u.code FROM device_udi u WHERE u.di IN `+list+`)`, readings...)
	}
	where.AddIfSet(`d.category = ?`, q.Category)
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		where.Add(`d.search_text LIKE ? ESCAPE '\'`, likeContains(word))
	}
	var total int
	if _, err := r.tx.SelectRow(
		&total,
		`SELECT COUNT(*) FROM device d WHERE `+where.String(),
		where.Args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	offset := max(q.Offset, 0)
	page, err := identity.QueryAll(r.tx, "device", deviceRow.toDevice, selectDevices+` WHERE `+where.String()+`
		ORDER BY d.code LIMIT ? OFFSET ?`, append(where.Args, min(q.Limit, total-offset), offset)...)
	return page, total, err
}

// likeContains returns the LIKE pattern of texts that contain s.
func likeContains(s string) string { return `%` + likeEscaper.Replace(s) + `%` }

// likeEscaper escapes the wildcards of a LIKE pattern.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// deviceBatchSize is the number of devices per statement, because each statement costs a round trip.
const deviceBatchSize = 400

// loadDevices adds devices or replaces those with the same codes. When a code is given twice, the last one counts.
func (w Writer) loadDevices(devices []implants.Device) error {
	for chunk := range slices.Chunk(lastPerCode(devices), deviceBatchSize) {
		codes := make([]any, len(chunk))
		for i := range chunk {
			codes[i] = chunk[i].Code.Digits()
			if err := deviceTable.Insert(w.tx.Tx, newDeviceRow(&chunk[i])); err != nil {
				return err
			}
		}
		if _, err := w.tx.ExecStatement(`DELETE FROM device_udi WHERE code IN `+engine.InList(len(codes)),
			codes...); err != nil {
			return err
		}
		for i := range chunk {
			for _, di := range chunk[i].UDIDIs {
				if err := deviceUDITable.Insert(w.tx.Tx, deviceUDIRow{di, chunk[i].Code.Digits()}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

type deviceUDIRow struct {
	DI   string `db:"di"`
	Code string `db:"code"`
}

var deviceUDITable = engine.NewTable[deviceUDIRow]("device_udi", engine.DoNothing("di", "code"))

// lastPerCode drops each device that a later one with the same code replaces.
func lastPerCode(devices []implants.Device) []implants.Device {
	last := make(map[ident.NotificationCode]int, len(devices))
	for i, d := range devices {
		last[d.Code] = i
	}
	remaining := make([]implants.Device, 0, len(last))
	for i, d := range devices {
		if last[d.Code] == i {
			remaining = append(remaining, d)
		}
	}
	return remaining
}
