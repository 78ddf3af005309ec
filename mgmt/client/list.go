package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
)

// List gives every item of a list to each, page by page, until limit of them (0: all) were given; below 0 for a
// list that comes whole and takes no limit. It returns how many there are in all, -1 where the server does not say.
func (c *Client) List(ctx context.Context, path string, query url.Values, limit int, each func(json.RawMessage) error) (total int64, err error) {
	asked := url.Values{}
	for name, values := range query {
		asked[name] = values
	}
	given := 0
	for range maxPages {
		if limit > 0 {
			asked.Set("limit", fmt.Sprint(min(limit-given, 1000)))
		} else if limit == 0 && !asked.Has("limit") {
			asked.Set("limit", "1000")
		}
		answer, err := c.Do(ctx, Request{Method: "GET", Path: path, Query: asked})
		if err != nil {
			return -1, err
		}
		var page struct {
			Items []json.RawMessage `json:"items"`
			Next  string            `json:"next_cursor"`
			Total *int64            `json:"total"`
		}
		if err := answer.Decode(&page); err != nil {
			return -1, err
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return -1, err
			}
			given++
		}
		total = -1
		if page.Total != nil {
			total = *page.Total
		}
		if page.Next == "" || limit > 0 && given >= limit {
			return total, nil
		}
		asked.Set("cursor", page.Next)
	}
	return -1, fmt.Errorf("%s: the list has no end", path)
}
