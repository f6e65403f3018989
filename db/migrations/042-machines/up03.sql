-- Nodes of clusters that were complete before there was the column.
UPDATE node SET is_finished = true FROM cluster
WHERE cluster.shard = node.shard AND cluster.id = node.cluster_id AND cluster.state = 'ACTIVE' AND NOT node.is_finished;
