// placeholder while the agent is written
