/* systemd's notifications, spoken directly (sd_notify(3): a datagram to $NOTIFY_SOCKET); nothing
 * where there is none. */
#ifndef PR_DAEMON_NOTIFY_H
#define PR_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* "READY=1", "STOPPING=1", "RELOADING=1\nMONOTONIC_USEC=…", "STATUS=…", "WATCHDOG=1". */
void pr_notify(const char *state);
/* How often the watchdog wants to hear of us: half of $WATCHDOG_USEC, in ms; 0: not at all. */
int64_t pr_notify_watchdog_ms(void);
/* Is stderr the journal ($JOURNAL_STREAM)? */
bool pr_notify_journal(void);

#endif
