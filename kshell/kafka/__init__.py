"""Kafka: clusters, readers and the embedded broker. The only importer of confluent_kafka, which loads with the first cluster."""
