package store

import (
	"strings"

	"github.com/openctr/ctr/internal/register"
)

// searchText is what a search for words looks at. Both engines compare it byte by byte, so capitals are taken out here,
// of every script alike. No word holds the newline between its parts.
func searchText(d *register.Device) string {
	return strings.ToLower(strings.Join([]string{d.Name, d.Reference, d.Manufacturer, d.Distributor}, "\n"))
}

// SearchDevice finds devices in the order of their codes. Words are looked for in every device: the list has some two
// hundred thousand, and a scan of them takes about a tenth of a second. The second one ends at the last device of the page.
func (v view) SearchDevice(q register.DeviceQuery) ([]register.Device, int, error) {
	where := &conditions{}
	where.add(`d.code <> ''`)
	where.addGiven(`d.code = ?`, q.Code.Digits())
	where.addGiven(`d.code IN (SELECT u.code FROM device_udi u WHERE u.di = ?)`, q.DI)
	where.addGiven(`d.category = ?`, q.Category)
	for _, word := range strings.Fields(strings.ToLower(q.Text)) {
		where.add(`d.search_text LIKE ? ESCAPE '\'`, `%`+literally.Replace(word)+`%`)
	}
	var total int
	if _, err := v.s.get(&total, `SELECT COUNT(*) FROM device d WHERE `+where.String(), where.args...); err != nil {
		return nil, 0, err
	}
	if q.Offset >= total || q.Limit <= 0 {
		return nil, total, nil
	}
	offset := max(q.Offset, 0)
	page, err := many(v.s, "device", deviceRow.device, `SELECT `+deviceColumns+` FROM device d WHERE `+where.String()+`
		ORDER BY d.code LIMIT ? OFFSET ?`, append(where.args, min(q.Limit, total-offset), offset)...)
	return page, total, err
}

// literally writes a text in a pattern of LIKE so that it stands for itself.
var literally = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
