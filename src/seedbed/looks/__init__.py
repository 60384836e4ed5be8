"""What only looks at a run: callbacks that note what goes on in a net, its pictures, its page.

An extra: without this folder, and the nodes of `conf/callbacks` that name it, a run trains the same
weights and has the same metrics. The callbacks are reached by their targets, the page by
`runs/execute.py`.
"""
