using k8s.Models;

namespace ShopMesh.Manifests.Tests;

internal static class Selectors
{
    /// <summary>As the API server decides it; an empty selector selects everything.</summary>
    public static bool Selects(this V1LabelSelector selector, IDictionary<string, string> labels) =>
        (selector.MatchLabels ?? new Dictionary<string, string>()).All(wanted => labels.TryGetValue(wanted.Key, out var value) && value == wanted.Value)
        && (selector.MatchExpressions ?? []).All(wanted => wanted.OperatorProperty switch
        {
            "In" => labels.TryGetValue(wanted.Key, out var value) && wanted.Values.Contains(value),
            "NotIn" => !labels.TryGetValue(wanted.Key, out var value) || !wanted.Values.Contains(value),
            "Exists" => labels.ContainsKey(wanted.Key),
            "DoesNotExist" => !labels.ContainsKey(wanted.Key),
            var other => throw new ArgumentException($"There is no operator '{other}'."),
        });

    public static bool Selects(this V1Service service, Workload workload) => new V1LabelSelector { MatchLabels = service.Spec.Selector }.Selects(workload.Labels);
}
