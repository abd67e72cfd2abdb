using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace ShopMesh.Gateway.Tests;

/// <summary>A gateway as it ships, which keeps what many read for a moment.</summary>
public sealed class HotReadsShop() : RunningShop("catalog", "inventory");

public sealed partial class HotReadsTests(HotReadsShop shop) : IClassFixture<HotReadsShop>, IDisposable
{
    private readonly Shopper _visitor = Shopper.Visitor(shop.Gateway);

    public void Dispose() => _visitor.Dispose();

    [Fact]
    public async Task Every_reader_sees_a_change_within_2_seconds_of_its_answer()
    {
        const int Changes = 4;
        var limit = TimeSpan.FromSeconds(2);
        var word = $"w{Guid.NewGuid():N}";
        var id = await NewProductAsync($"{word} 0");
        var clock = Stopwatch.StartNew();
        var changedAt = new TimeSpan[Changes + 1];
        var reads = new ConcurrentBag<(TimeSpan Begun, int Version, bool Hit)>();
        using var stop = new CancellationTokenSource();
        using var customer = await shop.CustomerAsync();
        var readers = (from reader in new[] { _visitor, customer }
                       from path in new[] { $"/api/catalog/products/{id}", $"/api/catalog/products?query={word}" }
                       from _ in Enumerable.Range(0, 2)
                       select Task.Run(() => ReadAsync(reader, path))).ToList();

        for (var version = 1; version <= Changes; version++)
        {
            using var changed = await shop.Admin.PutAsync($"/api/catalog/products/{id}", RunningShop.AProduct($"{word} {version}"));
            Assert.Equal(HttpStatusCode.OK, changed.StatusCode);
            changedAt[version] = clock.Elapsed;
            // Until some have begun to read when the change must be seen.
            await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), () => Task.FromResult(reads.Any(read => read.Begun > changedAt[version] + limit)));
        }

        await stop.CancelAsync();
        await Task.WhenAll(readers);
        Assert.Contains(reads, read => read.Hit);
        Assert.All(reads, read => Assert.True(
            read.Version >= Enumerable.Range(0, Changes + 1).Last(version => changedAt[version] + limit <= read.Begun || version == 0),
            $"A read that began at {read.Begun} saw version {read.Version}; the changes were answered at {string.Join(", ", changedAt)}."));

        async Task ReadAsync(Shopper reader, string path)
        {
            while (!stop.IsCancellationRequested)
            {
                var begun = clock.Elapsed;
                using var response = await reader.SendAsync(HttpMethod.Get, path);
                var answer = await response.ReadAsync();
                var product = answer!["items"]?.AsArray()[0] ?? answer;
                reads.Add((begun, int.Parse(((string)product["name"]!).Split(' ')[1], CultureInfo.InvariantCulture), response.Headers.Age is not null));
            }
        }
    }

    [Fact]
    public async Task An_answer_says_how_long_it_may_be_kept_and_how_old_it_is_whoever_asks()
    {
        var path = $"/api/catalog/products/{await NewProductAsync("Kept")}";
        using var customer = await shop.CustomerAsync();

        using var first = await _visitor.SendAsync(HttpMethod.Get, path);
        Assert.Null(first.Headers.Age);
        Assert.Equal("public, max-age=0, s-maxage=1", first.Headers.CacheControl!.ToString());
        await HitAsync(customer, path, hit =>
        {
            Assert.InRange(hit.Headers.Age!.Value, TimeSpan.Zero, TimeSpan.FromSeconds(1));
            Assert.Equal((first.Headers.ETag, first.Headers.CacheControl), (hit.Headers.ETag, hit.Headers.CacheControl));
        });
    }

    [Fact]
    public async Task Of_many_who_ask_for_one_product_few_reach_the_service_and_who_has_it_is_told_so()
    {
        var path = $"/api/catalog/products/{await NewProductAsync("Hot")}";
        using var read = await _visitor.SendAsync(HttpMethod.Get, path);
        var etag = read.Headers.ETag!.ToString();
        var before = await AskedAsync();

        for (var i = 0; i < 20; i++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _visitor.SendAsync(HttpMethod.Get, path)));
            Assert.All(answers, answer => Assert.Equal(HttpStatusCode.OK, answer.StatusCode));
            var known = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _visitor.SendAsync(HttpMethod.Get, path, headers: ("If-None-Match", etag))));
            Assert.All(known, answer => Assert.Equal((HttpStatusCode.NotModified, etag), (answer.StatusCode, answer.Headers.ETag!.ToString())));
        }

        // The metrics are up to date when they have the last of the reads, of another product.
        using var other = await _visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products/{await NewProductAsync("Other")}");
        await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(5), async () => await AskedAsync() > before);
        Assert.InRange(await AskedAsync() - before, 1, 400);
    }

    [Fact]
    public async Task A_list_is_told_apart_by_what_makes_it_another_and_by_nothing_else()
    {
        var unused = Guid.NewGuid().ToString("N");

        await HitAsync(_visitor, ["/api/catalog/products?limit=3&sort=price", $"/api/catalog/products?sort=price&{unused}=1&limit=3"], hit => Assert.NotNull(hit.Headers.Age));
        Assert.Equal(3, (await _visitor.GetAsync("/api/catalog/products?limit=3"))["items"]!.AsArray().Count);
        Assert.Equal(4, (await _visitor.GetAsync("/api/catalog/products?limit=4"))["items"]!.AsArray().Count);
        Assert.NotEqual(
            (string)(await _visitor.GetAsync("/api/catalog/products?limit=1&sort=price"))["items"]![0]!["id"]!,
            (string)(await _visitor.GetAsync("/api/catalog/products?limit=1&sort=-price"))["items"]![0]!["id"]!);
    }

    [Fact]
    public async Task What_is_not_there_is_not_kept()
    {
        for (var i = 0; i < 3; i++)
        {
            using var missing = await _visitor.SendAsync(HttpMethod.Get, $"/api/catalog/products/{Guid.Empty}");
            await missing.ShouldBeProblemAsync(HttpStatusCode.NotFound);
            Assert.Null(missing.Headers.Age);
        }
    }

    private async Task<string> NewProductAsync(string name)
    {
        using var created = await shop.Admin.PostAsync("/api/catalog/products", RunningShop.AProduct(name));
        return (string)(await created.ReadAsync())!["id"]!;
    }

    private static Task HitAsync(Shopper reader, string path, Action<HttpResponseMessage> check) => HitAsync(reader, [path], check);

    /// <summary>Asks for the paths in turn until the last one comes from the cache.</summary>
    private static async Task HitAsync(Shopper reader, string[] paths, Action<HttpResponseMessage> check) => await RunningShop.EventuallyAsync(TimeSpan.FromSeconds(10), async () =>
    {
        foreach (var path in paths[..^1])
            (await reader.SendAsync(HttpMethod.Get, path)).Dispose();
        using var last = await reader.SendAsync(HttpMethod.Get, paths[^1]);
        if (last.Headers.Age is null)
            return false;
        check(last);
        return true;
    });

    /// <summary>How often catalog was asked for a product.</summary>
    private async Task<int> AskedAsync()
    {
        var metrics = await _visitor.Http.GetStringAsync(new Uri(shop.Processes["catalog"].Http, "/metrics"), TestContext.Current.CancellationToken);
        return RequestsForAProduct().Matches(metrics).Sum(match => int.Parse(match.Groups["count"].Value, CultureInfo.InvariantCulture));
    }

    [GeneratedRegex("""^http_server_request_duration_seconds_count\{[^}]*http_request_method="GET"[^}]*http_route="/api/catalog/products/\{id\}"[^\n]*\} (?<count>\d+)""", RegexOptions.Multiline)]
    private static partial Regex RequestsForAProduct();
}
