package store

import (
	"strings"

	"github.com/openctr/ctr/internal/implants"
)

// deviceSearchText is the text in which a search looks for words. Both engines compare it byte by byte, so it is folded
// to lower case here, for all scripts. The newline between the parts prevents a word from matching across two of them.
func deviceSearchText(d *implants.Device) string {
	return strings.ToLower(strings.Join([]string{d.Name, d.Reference, d.Manufacturer, d.Distributor}, "\n"))
}

// SearchDevices returns a page of devices in the order of their codes, and their total number. A search for words scans
// the whole device list: it has about 200,000 entries, and a scan takes about 0.1 s. The second statement stops at the
// last device of the page.
func (r txReader) SearchDevices(q implants.DeviceQuery) ([]implants.Device, int, error) {
	where := &conditions{}
	where.addClause(`d.code <> ''`)
	where.addIfSet(`d.code = ?`, q.Code.Digits())
	where.addIfSet(`d.code IN (SELECT u.code FROM device_udi u WHERE u.di = ?)`, q.DI)
	where.addIfSet(`d.category = ?`, q.Category)
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		where.addClause(`d.search_text LIKE ? ESCAPE '\'`, `%`+likeEscaper.Replace(word)+`%`)
	}
	var total int
	if _, err := r.tx.selectRow(&total, `SELECT COUNT(*) FROM device d WHERE `+where.String(), where.args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	offset := max(q.Offset, 0)
	page, err := queryAll(r.tx, "device", deviceRow.toDevice, `SELECT `+deviceColumns+` FROM device d WHERE `+where.String()+`
		ORDER BY d.code LIMIT ? OFFSET ?`, append(where.args, min(q.Limit, total-offset), offset)...)
	return page, total, err
}

// likeEscaper escapes the wildcards of a LIKE pattern.
var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
