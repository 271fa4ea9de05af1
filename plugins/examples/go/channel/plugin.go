// Counts deliveries for each type of event.
package main

import (
	"fmt"
	"strconv"

	channel "patchpanel/exports/export_patchpanel_plugin_channel"
	lifecycle "patchpanel/exports/export_patchpanel_plugin_lifecycle"
	_ "patchpanel/exports/wit_exports"
	. "patchpanel/imports/patchpanel_plugin_channel"
	events "patchpanel/imports/patchpanel_plugin_events"
	kv "patchpanel/imports/patchpanel_plugin_kv"
	. "patchpanel/imports/patchpanel_plugin_lifecycle"
	log "patchpanel/imports/patchpanel_plugin_log"
	. "patchpanel/wit/types"
)

func init() {
	lifecycle.Configure = func(string) Result[Unit, []ConfigError] { return Ok[Unit, []ConfigError](Unit{}) }
	channel.Deliver = deliverAll
}

func deliverAll(batch []Delivery) []Result[Receipt, Problem] {
	answers := make([]Result[Receipt, Problem], len(batch))
	for i, delivery := range batch {
		answers[i] = deliver(delivery.Event)
	}
	return answers
}

func deliver(event Event) Result[Receipt, Problem] {
	if event.Level == events.Level_Debug {
		return Err[Receipt](MakeProblemReject("debug is not counted"))
	}
	count, ok := increment("count/" + event.Type)
	if !ok {
		return Err[Receipt](MakeProblemRetry("the counts cannot be reached"))
	}
	log.Write(events.Level_Info, fmt.Sprintf("%s: %d", event.Type, count), nil)
	return Ok[Receipt, Problem](Receipt{
		Reference: Some(fmt.Sprintf("%s#%d", event.Type, count)),
		Detail:    Some("counted"),
	})
}

// increment adds one to the number under key, and returns it. Other instances count at the same time: what they changed
// meanwhile is read again.
func increment(key string) (int, bool) {
	for {
		before := kv.Get(key)
		if before.IsErr() {
			return 0, false
		}
		count, _ := strconv.Atoi(string(before.Ok().SomeOr(nil)))
		count++
		after := Some([]byte(strconv.Itoa(count)))
		stored := kv.CompareAndSet(key, before.Ok(), after, None[uint64]())
		if stored.IsErr() {
			return 0, false
		}
		if stored.Ok() {
			return count, true
		}
	}
}

func main() {}
