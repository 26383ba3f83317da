package platform

import "strconv"

// Path says where a value is in what the caller submitted, in the domain's own terms: the fields of the values that an
// operation takes, such as "Implantation.Implants[2].Lot" or "Grant.Grantee". Items count from 1. Every door maps it to
// what its callers see: an XPath, a column, the field of a form.
//
// The content of a notification begins with its kind of surgery in every operation, so that a stored path still says
// which content it belongs to.
type Path string

// Field returns the path of a field of the value at p.
func (p Path) Field(name string) Path {
	if p == "" {
		return Path(name)
	}
	return p + "." + Path(name)
}

// Item returns the path of an item of the list in a field of the value at p. The index begins with 0, as in Go.
func (p Path) Item(list string, index int) Path {
	return p.Field(list) + Path("["+strconv.Itoa(index+1)+"]")
}

// String returns the path as text.
func (p Path) String() string { return string(p) }
