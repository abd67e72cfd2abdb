using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ShopMesh.Load.Journeys;

namespace ShopMesh.Load;

/// <summary>The request has failed, and was recorded: the visit ends.</summary>
internal sealed class RequestFailedException : Exception;

/// <summary>One journey on its way.</summary>
internal sealed class Visit(ShopClient client, JourneyRecord record, KnownShop shop, Customers customers, Customer? customer, long intendedStart)
{
    private const int MaxDetail = 500;

    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>The first request counts from when it should have begun, so that a stall is not hidden; each other one from when the one before it was answered.</summary>
    private long _start = intendedStart;

    /// <summary>When the order was sent.</summary>
    private long _ordered;

    private bool _hasLeft;

    public KnownShop Shop => shop;

    public Customer Customer => customer!;

    /// <summary>An order of somebody else's; null where none is known.</summary>
    public string? AnOrderOfAnother => customers.AnOrderOfAnother(Customer);

    /// <summary>Not one that was ordered last: that order may still take it out of the basket.</summary>
    public KnownProduct AnyProduct()
    {
        var product = shop.AnyProduct();
        for (var tries = 0; tries < 20 && customer?.Leaving.Contains(product.Id) is true; tries++)
            product = shop.AnyProduct();
        return product;
    }

    /// <summary>The customer has nothing more to do with the basket: another visit may be theirs. A second time it does nothing.</summary>
    public void LetCustomerGo()
    {
        if (customer is not null && !_hasLeft)
            customers.Return(customer);
        _hasLeft = true;
    }

    public Task<Answer<T>> GetAsync<T>(string request, string path, JsonTypeInfo<T> type) => SendAsync(request, HttpMethod.Get, path, type);

    /// <param name="request">Its name in the report.</param>
    /// <param name="type">Null where the answer's body does not matter.</param>
    /// <param name="expected">The one status that is right; null for any of success.</param>
    /// <exception cref="RequestFailedException">It was not answered, or not as it should be.</exception>
    public async Task<Answer<T>> SendAsync<T>(
        string request, HttpMethod method, string path, JsonTypeInfo<T>? type, string? body = null, string? idempotencyKey = null, HttpStatusCode? expected = null)
    {
        using var message = NewRequest(method, path);
        if (body is not null)
            message.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) { Headers = { ContentType = Json } };
        if (idempotencyKey is not null)
            message.Headers.TryAddWithoutValidation("Idempotency-Key", idempotencyKey);
        var timeout = client.RentTimeout();
        byte[]? buffer = null;
        try
        {
            using var response = await client.SendAsync(message, timeout.Token);
            (buffer, var length) = await ReadAsync(response.Content, timeout.Token);
            if (expected is { } only ? response.StatusCode != only : !response.IsSuccessStatusCode)
                throw Fail(request, path, FailureKind.Status, response.StatusCode, Encoding.UTF8.GetString(buffer, 0, length));
            var now = Stopwatch.GetTimestamp();
            record.Answered(request, Stopwatch.GetElapsedTime(_start, now));
            _start = now;
            var value = type is null ? default : JsonSerializer.Deserialize(buffer.AsSpan(0, length), type) ?? throw new JsonException("It is null.");
            return new(this, request, path, response.StatusCode, value!);
        }
        catch (OperationCanceledException)
        {
            throw Fail(request, path, FailureKind.Timeout, null, $"no answer within {client.Timeout.TotalSeconds} s");
        }
        catch (JsonException e)
        {
            throw Fail(request, path, FailureKind.WrongAnswer, null, $"the answer cannot be read: {e.Message}");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw Fail(request, path, FailureKind.Connection, null, Describe(e));
        }
        finally
        {
            if (buffer is not null)
                ArrayPool<byte>.Shared.Return(buffer);
            client.ReturnTimeout(timeout);
        }
    }

    /// <summary>
    /// Follows an order's events until a status, or to its end, whichever is first. A stream that breaks off is resumed, as browsers do;
    /// the request's latency is that until its first event.
    /// </summary>
    /// <returns>The statuses, from the first.</returns>
    /// <exception cref="RequestFailedException">It is not answered, tells what is not true, or does not end.</exception>
    public async Task<IReadOnlyList<string>> WatchAsync(string request, string order, string? until = null)
    {
        var path = $"/api/orders/{order}/events";
        var statuses = new List<string>();
        using var patience = new CancellationTokenSource(client.WatchTimeout);
        try
        {
            for (var attempt = 0; ; attempt++)
            {
                if (attempt > 0)
                {
                    record.Resumed();
                    await Task.Delay(TimeSpan.FromMilliseconds(Math.Min(1_000, 50 << Math.Min(attempt, 5))), patience.Token);
                }

                try
                {
                    using var message = NewRequest(HttpMethod.Get, path);
                    message.Headers.TryAddWithoutValidation("Accept", "text/event-stream");
                    if (statuses.Count > 0)
                        message.Headers.TryAddWithoutValidation("Last-Event-ID", statuses.Count.ToString(CultureInfo.InvariantCulture));
                    using var response = await client.OpenStreamAsync(message, patience.Token);
                    if (!response.IsSuccessStatusCode)
                    {
                        var failed = Fail(request, path, FailureKind.Status, response.StatusCode, await response.Content.ReadAsStringAsync(patience.Token));
                        if (attempt == 0 || response.StatusCode is < HttpStatusCode.InternalServerError)
                            throw failed;
                        continue;
                    }

                    if (await FollowAsync(await response.Content.ReadAsStreamAsync(patience.Token)))
                        return statuses;
                }
                catch (HttpRequestException e)
                {
                    var failed = Fail(request, path, FailureKind.Connection, null, Describe(e));
                    if (attempt == 0)
                        throw failed;
                }
                catch (IOException)
                {
                    // It broke off.
                }
            }
        }
        catch (OperationCanceledException)
        {
            throw Fail(request, path, FailureKind.Timeout, null, $"the order had not ended after {client.WatchTimeout.TotalSeconds} s: it was {statuses.LastOrDefault() ?? "never heard of"}");
        }

        async Task<bool> FollowAsync(Stream stream)
        {
            await foreach (var change in SseParser.Create(stream).EnumerateAsync(patience.Token))
            {
                if (change.EventType != "status")
                    continue;
                if (change.EventId != (statuses.Count + 1).ToString(CultureInfo.InvariantCulture))
                    throw Fail(request, path, FailureKind.WrongAnswer, null, $"after event {statuses.Count} comes event {change.EventId}");
                var status = Parse(change.Data);
                if (statuses.Count == 0)
                {
                    record.Answered(request, Stopwatch.GetElapsedTime(_start));
                    if (status != OrderStatus.Submitted)
                        throw Fail(request, path, FailureKind.WrongAnswer, null, $"an order begins as {OrderStatus.Submitted}, not as {status}");
                }
                else if (!OrderStatus.MayFollow(statuses[^1], status))
                {
                    throw Fail(request, path, FailureKind.WrongAnswer, null, $"an order that is {statuses[^1]} does not become {status}");
                }

                statuses.Add(status);
                if (status == OrderStatus.Confirmed)
                    record.Milestone("confirmed", Stopwatch.GetElapsedTime(_ordered));
                if (OrderStatus.IsFinal(status))
                    record.Ended(status);
                if (status == until || OrderStatus.IsFinal(status))
                {
                    _start = Stopwatch.GetTimestamp();
                    return true;
                }
            }

            return false;
        }

        string Parse(string data)
        {
            try
            {
                return JsonSerializer.Deserialize(data, AnswerJson.Default.StatusChange)?.Status ?? throw new JsonException("It is null.");
            }
            catch (JsonException e)
            {
                throw Fail(request, path, FailureKind.WrongAnswer, null, $"the event cannot be read: {e.Message}");
            }
        }
    }

    /// <summary>The next request orders the basket.</summary>
    public void BeginOrder()
    {
        _ordered = _start;
        Customer.Leaving.Clear();
        Customer.Leaving.UnionWith(Customer.MayHold);
    }

    public void Acknowledge(string order)
    {
        Customer.LastOrder = order;
        record.Acknowledge(order);
    }

    public RequestFailedException Fail(string request, string path, FailureKind kind, HttpStatusCode? status, string detail)
    {
        var failure = new Failure(DateTimeOffset.UtcNow, record.Journey.Name, request, ServiceOf(path), kind, (int?)status, detail.Length > MaxDetail ? $"{detail.AsSpan(0, MaxDetail)}…" : detail);
        // An answer that is wrong was counted when it came.
        record.Failed(failure, kind is FailureKind.WrongAnswer ? null : Stopwatch.GetElapsedTime(_start));
        return new();
    }

    private HttpRequestMessage NewRequest(HttpMethod method, string path)
    {
        var message = new HttpRequestMessage(method, client.At(path));
        if (customer is not null)
            message.Headers.TryAddWithoutValidation("Authorization", customer.Authorization);
        return message;
    }

    /// <returns>Of the pool; its caller gives it back.</returns>
    private static async ValueTask<(byte[] Buffer, int Length)> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        // One more than there is, so that the end is seen without growing.
        var buffer = ArrayPool<byte>.Shared.Rent((int)(content.Headers.ContentLength + 1 ?? 4_096));
        try
        {
            await using var stream = content.ReadAsStream(cancellationToken);
            for (var length = 0; ;)
            {
                if (length == buffer.Length)
                {
                    var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
                    buffer.CopyTo(larger, 0);
                    ArrayPool<byte>.Shared.Return(buffer);
                    buffer = larger;
                }

                var read = await stream.ReadAsync(buffer.AsMemory(length), cancellationToken);
                if (read == 0)
                    return (buffer, length);
                length += read;
            }
        }
        catch
        {
            ArrayPool<byte>.Shared.Return(buffer);
            throw;
        }
    }

    private static string Describe(Exception e) => e.InnerException is null ? e.Message : $"{e.Message} {e.InnerException.Message}";

    /// <summary>As the gateway routes it.</summary>
    private static string ServiceOf(string path) => path.Split('/', '?')[2] switch
    {
        "payments" => "payment",
        "orders" => "ordering",
        var service => service,
    };
}

/// <summary>An answer as it should be by its status; a journey checks what it says.</summary>
internal readonly record struct Answer<T>(Visit Visit, string Request, string Path, HttpStatusCode Status, T Body)
{
    /// <param name="claim">What does not hold: put together only then.</param>
    /// <exception cref="RequestFailedException">It does not hold.</exception>
    public void Check(bool holds, [InterpolatedStringHandlerArgument(nameof(holds))] ref Claim claim)
    {
        if (!holds)
            throw Visit.Fail(Request, Path, FailureKind.WrongAnswer, Status, claim.ToString());
    }
}

[InterpolatedStringHandler]
internal ref struct Claim
{
    private DefaultInterpolatedStringHandler _text;

    public Claim(int literals, int values, bool holds, out bool wanted)
    {
        wanted = !holds;
        if (wanted)
            _text = new(literals, values, CultureInfo.InvariantCulture);
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<TValue>(TValue value) => _text.AppendFormatted(value);

    public override readonly string ToString() => _text.ToString();
}
