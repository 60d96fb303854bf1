-- Takes back everything that 0002 built.
DROP TABLE notifications, sla_fires, sla_timers, sla_clocks, sla_policies;
