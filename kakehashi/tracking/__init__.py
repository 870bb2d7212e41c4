"""Trainings as other programs show them: TensorBoard, MLflow."""
