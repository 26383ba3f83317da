package platform

// Page selects a part of a result.
type Page struct {
	Offset, Limit int
}

// SlicePage returns one page of a list.
func SlicePage[T any](all []T, page Page) []T {
	from := min(page.Offset, len(all))
	return all[from : from+min(page.Limit, len(all)-from)]
}
