using System.Diagnostics;
using System.Diagnostics.Metrics;
using ShopMesh.Ordering.Data;

namespace ShopMesh.Ordering.Process;

internal sealed class OrderMetrics
{
    public const string Name = "ShopMesh.Ordering";

    public static readonly ActivitySource Activities = new(Name);

    private readonly Counter<long> _ended;
    private readonly Counter<long> _stepFailures;
    private readonly Counter<long> _leasesLost;

    public OrderMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(Name);
        _ended = meter.CreateCounter<long>("shopmesh.orders.ended", description: "Orders that reached a final status.");
        _stepFailures = meter.CreateCounter<long>("shopmesh.orders.step_failures", description: "Steps that have to be tried again.");
        _leasesLost = meter.CreateCounter<long>("shopmesh.orders.leases_lost", description: "Steps whose outcome was not saved, since the order belonged to another worker by then.");
    }

    public void Ended(Order order) => _ended.Add(1, new("status", order.Status.ToString()), new("reason", order.Reason ?? ""));

    public void StepFailed(OrderStep step) => _stepFailures.Add(1, new KeyValuePair<string, object?>("step", step.ToString()));

    public void LeaseLost() => _leasesLost.Add(1);
}
