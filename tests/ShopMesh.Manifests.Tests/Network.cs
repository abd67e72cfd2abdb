using k8s.Models;

namespace ShopMesh.Manifests.Tests;

/// <summary>A pod, or whatever else connects or is connected to, as network policies see it.</summary>
/// <param name="Namespace">Null for what is outside the cluster.</param>
internal sealed record Peer(string Name, string? Namespace, IDictionary<string, string> Labels, IReadOnlyDictionary<string, int> Ports);

/// <summary>What a set of policies allows, decided as a cluster's network does.</summary>
internal sealed class Network(IReadOnlyList<V1NetworkPolicy> policies)
{
    private static readonly string[] Protocols = ["TCP", "UDP"];

    /// <summary>Every connection that is allowed among these, such as <c>basket → catalog:grpc</c>.</summary>
    public IEnumerable<string> Connections(IReadOnlyList<Peer> peers) =>
        from source in peers
        from target in peers
        from port in target.Ports
        from protocol in Protocols
        where Leaves(source, target, port.Value, protocol) && Enters(source, target, port.Value, protocol)
        select $"{source.Name} → {target.Name}:{port.Key}{(protocol == "UDP" ? "/udp" : "")}";

    /// <summary>The rules that open nothing among these: a misspelt label or port.</summary>
    public IEnumerable<string> Idle(IReadOnlyList<Peer> peers) => policies.SelectMany(policy =>
    {
        var own = peers.Where(peer => Isolates(policy, peer)).ToList();
        var ingress = (policy.Spec.Ingress ?? []).SelectMany(rule => Parts(rule.FromProperty, rule.Ports).Where(part => !own.Any(target => peers.Any(source => Matches(part, policy, source, target)))));
        var egress = (policy.Spec.Egress ?? []).SelectMany(rule => Parts(rule.To, rule.Ports).Where(part => !own.Any(source => peers.Any(target => Matches(part, policy, target, target)))));
        return ingress.Concat(egress).Select(part => $"{policy.Name()}, port {part.Port.Port.Value}, {string.Join(',', part.Peer?.PodSelector?.MatchLabels?.Values ?? [])}");
    });

    private bool Leaves(Peer source, Peer target, int port, string protocol)
    {
        var isolating = policies.Where(policy => policy.Spec.PolicyTypes.Contains("Egress") && Isolates(policy, source)).ToList();
        return isolating.Count == 0 || isolating.Any(policy => (policy.Spec.Egress ?? []).Any(rule => IsPeer(rule.To, policy, target) && IsPort(rule.Ports, target, port, protocol)));
    }

    private bool Enters(Peer source, Peer target, int port, string protocol)
    {
        var isolating = policies.Where(policy => policy.Spec.PolicyTypes.Contains("Ingress") && Isolates(policy, target)).ToList();
        return isolating.Count == 0 || isolating.Any(policy => (policy.Spec.Ingress ?? []).Any(rule => IsPeer(rule.FromProperty, policy, source) && IsPort(rule.Ports, target, port, protocol)));
    }

    private static bool Isolates(V1NetworkPolicy policy, Peer peer) => peer.Namespace == policy.Namespace() && policy.Spec.PodSelector.Selects(peer.Labels);

    /// <summary>No peers at all are all peers.</summary>
    private static bool IsPeer(IList<V1NetworkPolicyPeer>? allowed, V1NetworkPolicy policy, Peer peer) => allowed is null or [] || allowed.Any(one => IsPeer(one, policy, peer));

    private static bool IsPeer(V1NetworkPolicyPeer allowed, V1NetworkPolicy policy, Peer peer)
    {
        if (allowed.IpBlock is not null)
            throw new NotSupportedException($"{policy.Name()} allows addresses, which this does not know how to judge.");
        if (peer.Namespace is null)
            return false;
        var isNamespace = allowed.NamespaceSelector?.Selects(new Dictionary<string, string> { ["kubernetes.io/metadata.name"] = peer.Namespace }) ?? peer.Namespace == policy.Namespace();
        return isNamespace && (allowed.PodSelector?.Selects(peer.Labels) ?? true);
    }

    /// <summary>No ports at all are all ports; a name is that of the target's port.</summary>
    private static bool IsPort(IList<V1NetworkPolicyPort>? allowed, Peer target, int port, string protocol) => allowed is null or [] || allowed.Any(one => IsPort(one, target, port, protocol));

    private static bool IsPort(V1NetworkPolicyPort allowed, Peer target, int port, string protocol)
    {
        if (allowed.EndPort is not null)
            throw new NotSupportedException("A range of ports, which this does not know how to judge.");
        return (allowed.Protocol ?? "TCP") == protocol
            && (allowed.Port is null || (int.TryParse(allowed.Port.Value, out var number) ? number : target.Ports.GetValueOrDefault(allowed.Port.Value, -1)) == port);
    }

    private static IEnumerable<(V1NetworkPolicyPeer? Peer, V1NetworkPolicyPort Port)> Parts(IList<V1NetworkPolicyPeer>? peers, IList<V1NetworkPolicyPort> ports) =>
        from peer in peers is null or [] ? [null] : peers.AsEnumerable<V1NetworkPolicyPeer?>()
        from port in ports
        select (peer, port);

    private static bool Matches((V1NetworkPolicyPeer? Peer, V1NetworkPolicyPort Port) part, V1NetworkPolicy policy, Peer peer, Peer target) =>
        (part.Peer is null || IsPeer(part.Peer, policy, peer)) && target.Ports.Values.Any(port => IsPort(part.Port, target, port, part.Port.Protocol ?? "TCP"));
}
