using System.Net;
using System.Text.Json.Nodes;
using k8s.Models;

namespace ShopMesh.Cluster.Tests;

/// <summary>Persistent volumes: a database's pod goes, its data do not.</summary>
public sealed class PersistentVolumeTests(ShopOnCluster shop)
{
    private static readonly TimeSpan Recovery = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task What_was_stored_outlives_each_database_pod_and_all_of_them()
    {
        using var customer = await Shopper.RegisterAsync(shop.Gateway);
        var product = (string)(await customer.GetAsync("/api/catalog/products?limit=1"))["items"]![0]!["id"]!;
        var order = await customer.OrderAsync(product);
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(60), async () => (string)(await customer.GetAsync($"/api/orders/{order}"))["status"]! == "delivered");
        await customer.PutInBasketAsync(product, 3);
        var before = await StoredAsync(customer, order, product) ?? throw new InvalidOperationException("The shop does not tell what it has stored.");
        var restarts = await RestartsAsync();

        foreach (var service in ShopOnCluster.Databases)
        {
            await ReplaceAsync(service);
            await ShouldBeThereAsync(customer, order, product, before);
        }

        await ReplaceAsync([.. ShopOnCluster.Databases]);
        await ShouldBeThereAsync(customer, order, product, before);

        Assert.Equal(restarts, await RestartsAsync());
        using var again = await Shopper.SignInAsync(shop.Gateway, customer.Email);
        await shop.ShouldPassTheAuditAsync(order);
    }

    /// <summary>
    /// Deletes pods, and returns when others have their names. kubectl's own wait may never end: it can miss that a pod is another where
    /// its StatefulSet gives it the same name at once.
    /// </summary>
    private static async Task ReplaceAsync(params string[] services)
    {
        var deleted = (await PodsAsync()).Where(pod => services.Any(service => pod.StartsWith($"{service}-database-0=", StringComparison.Ordinal))).ToList();
        await ShopOnCluster.KubectlAsync($"delete pod {string.Join(' ', services.Select(service => $"{service}-database-0"))} --wait=false");
        await RunningShop.EventuallyAsync(TimeSpan.FromMinutes(3), async () =>
            await PodsAsync() is var now && now.Count == ShopOnCluster.Databases.Count && !now.Intersect(deleted).Any());
    }

    /// <summary>The databases' pods, as <c>name=uid</c>.</summary>
    private static async Task<IReadOnlyList<string>> PodsAsync() =>
        (await ShopOnCluster.KubectlAsync(["get", "pods", "-l", "app.kubernetes.io/component=database", "-o", "jsonpath={range .items[*]}{.metadata.name}={.metadata.uid} {end}"]))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>As soon as the databases are back, and by themselves.</summary>
    private async Task ShouldBeThereAsync(Shopper customer, string order, string product, string before)
    {
        await ShopOnCluster.KubectlAsync("wait --for=condition=Ready pods -l app.kubernetes.io/component=database --timeout=120s");
        string? now = null;
        var watch = System.Diagnostics.Stopwatch.StartNew();
        await RunningShop.EventuallyAsync(Recovery, async () => (now = await StoredAsync(customer, order, product)) is not null);
        TestContext.Current.TestOutputHelper!.WriteLine($"back after {watch.Elapsed.TotalSeconds:0.0} s");
        Assert.Equal(before, now);
    }

    /// <summary>An account, an order, a basket, a product, its stock and a payment, as the shop tells them; null while it cannot.</summary>
    private async Task<string?> StoredAsync(Shopper customer, string order, string product)
    {
        var all = new JsonArray();
        foreach (var (shopper, path) in new[]
        {
            (customer, "/api/accounts/me"), (customer, $"/api/orders/{order}"), (customer, "/api/basket"), (customer, $"/api/catalog/products/{product}"),
            (shop.Admin, $"/api/inventory/{product}"), (shop.Admin, "/api/admin/payments?limit=1"), (shop.Admin, "/api/admin/shipments?limit=1"),
        })
        {
            using var response = await shopper.SendAsync(HttpMethod.Get, path);
            if (response.StatusCode is not HttpStatusCode.OK)
                return null;
            all.Add(await response.ReadAsync());
        }

        return all.ToJsonString();
    }

    private async Task<string> RestartsAsync()
    {
        var pods = new List<V1Pod>();
        foreach (var service in ShopOnCluster.Services)
            pods.AddRange(await shop.ReadyPodsAsync(service));
        return string.Join(' ', pods.OrderBy(pod => pod.Name(), StringComparer.Ordinal).Select(pod => $"{pod.Name()}:{pod.Status.ContainerStatuses.Sum(container => container.RestartCount)}"));
    }
}
